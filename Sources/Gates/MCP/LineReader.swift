// SPDX-License-Identifier: Apache-2.0

internal import ExequaturClient
internal import Foundation

/// Reads lines of a descriptor in a thread of its own and hands each on there and then: a message
/// that is only passed on costs no change of threads.
enum LineReader {
    /// How reading ended.
    enum End: Sendable {
        case ended
        /// A line was longer than allowed; what follows would be read as something else.
        case tooLong
    }

    /// Starts a thread that reads until the end.
    /// - Parameters:
    ///   - descriptor: what to read; not closed.
    ///   - limit: the most bytes of a line.
    ///   - line: called for each line without its end; empty ones are left out.
    ///   - ended: called last, once.
    static func start(
        _ descriptor: Int32, limit: Int, line: @escaping @Sendable ([UInt8]) -> Void,
        ended: @escaping @Sendable (End) -> Void
    ) {
        let thread = Thread {
            ended(read(descriptor, limit: limit, line: line))
        }
        thread.stackSize = 1 << 21
        thread.start()
    }

    private static func read(
        _ descriptor: Int32, limit: Int, line: ([UInt8]) -> Void
    ) -> End {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var partial: [UInt8] = []
        while true {
            let count = Foundation.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                // A message without the end of its line is whole all the same.
                emit(partial, line)
                return .ended
            }
            var start = 0
            while let end = buffer[start..<count].firstIndex(of: UInt8(ascii: "\n")) {
                partial += buffer[start..<end]
                guard partial.count <= limit else { return .tooLong }
                emit(partial, line)
                partial.removeAll(keepingCapacity: partial.count < 1 << 20)
                start = end + 1
            }
            partial += buffer[start..<count]
            guard partial.count <= limit else { return .tooLong }
        }
    }

    private static func emit(_ bytes: [UInt8], _ line: ([UInt8]) -> Void) {
        var bytes = bytes
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        if !bytes.isEmpty { line(bytes) }
    }
}
