// SPDX-License-Identifier: Apache-2.0

internal import ExequaturClient
internal import Foundation
internal import Synchronization

/// Writes whole lines to a descriptor, from whatever thread.
final class LineWriter: Sendable {
    private let descriptor: Int32
    private let isOpen = Mutex(true)

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Writes a line and its end, waiting while the other side does not read; false once it is
    /// gone.
    func write(_ line: [UInt8]) -> Bool {
        let bytes = line + [UInt8(ascii: "\n")]
        return isOpen.withLock { isOpen in
            guard isOpen else { return false }
            var start = 0
            while start < bytes.count {
                let count = bytes[start...].withUnsafeBytes {
                    Foundation.write(descriptor, $0.baseAddress, $0.count)
                }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    isOpen = false
                    return false
                }
                start += count
            }
            return true
        }
    }

    /// Closes the descriptor, unless somebody is in the middle of writing to it.
    func closeIfIdle() {
        _ = isOpen.withLockIfAvailable { isOpen in
            if isOpen { Foundation.close(descriptor) }
            isOpen = false
        }
    }

    /// Closes the descriptor; what is written later goes nowhere.
    func close() {
        isOpen.withLock { isOpen in
            if isOpen { Foundation.close(descriptor) }
            isOpen = false
        }
    }
}
