// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Synchronization

/// What one HTTP request is answered with: one message, or a stream of them.
final class MCPReply: Sendable {
    enum Item: Sendable {
        case message([UInt8], isLast: Bool)
        /// The server answered with something else than messages; passed on as it is.
        case refusal(status: Int, body: [UInt8])
        /// Nothing happened for a while.
        case beat
    }

    let items: AsyncStream<Item>
    private let began = Mutex(false)
    private let queue: AsyncStream<Item>.Continuation
    /// Messages that wait for a slow reader; with more of them the stream ends.
    private static let backlog = 4_096

    init() {
        (items, queue) = AsyncStream.makeStream(
            of: Item.self, bufferingPolicy: .bufferingOldest(Self.backlog))
    }

    func send(_ item: Item) {
        if case .dropped = queue.yield(item) { return queue.finish() }
        switch item {
        case .message(_, isLast: true), .refusal: queue.finish()
        default: break
        }
    }

    func finish() { queue.finish() }

    /// Whether the answer has begun as a stream, so that its status can't be another any more.
    var isStream: Bool { began.withLock { $0 } }

    func beginStream() { began.withLock { $0 = true } }
}

/// Making HTTP answers of messages.
enum MCPResponses {
    static let json: HTTPFields = [
        .contentType: "application/json", .cacheControl: "no-store",
    ]
    static let stream: HTTPFields = [
        .contentType: "text/event-stream", .cacheControl: "no-store, no-transform",
        .accelBuffering: "no",
    ]

    /// One message as the whole answer.
    static func message(_ bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: json, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    static func refusal(_ refusal: MCPRefusal, status: HTTPResponse.Status? = nil) -> Response {
        message(MCPAnswers.error(refusal), status: status ?? Self.status(refusal.code))
    }

    static func text(
        _ status: HTTPResponse.Status, _ text: String, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "text/plain; charset=utf-8"
        headers[.cacheControl] = "no-store"
        return Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(string: text + "\n")))
    }

    /// The status for an error in the protocol from 2026-07-28 on.
    static func status(_ code: Int64) -> HTTPResponse.Status {
        switch code {
        case -32_601: .notFound
        case -32_700, -32_600, -32_602, -32_022 ... -32_020: .badRequest
        default: .ok
        }
    }

    /// The status of a whole answer: before 2026-07-28 an error is an answer like any other.
    static func status(of bytes: [UInt8], isModern: Bool) -> HTTPResponse.Status {
        guard isModern,
            let code = MCPMessage(fromServer: bytes)?.member("error")?["code"]?.intValue
        else { return .ok }
        return status(code)
    }

    /// An event of a stream.
    ///
    /// A message has no line breaks of its own as a rule; where it has, each
    /// line is marked as data.
    static func event(_ bytes: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(bytes.count + 32)
        buffer.writeString("event: message\n")
        let lines = bytes.split(omittingEmptySubsequences: false) { $0 == 0x0A || $0 == 0x0D }
        for line in lines {
            buffer.writeString("data: ")
            buffer.writeBytes(line)
            buffer.writeString("\n")
        }
        buffer.writeString("\n")
        return buffer
    }

    static let beat = ByteBuffer(string: ": waiting\n\n")
}

extension HTTPField.Name {
    fileprivate static var accelBuffering: HTTPField.Name {
        guard let name = HTTPField.Name("X-Accel-Buffering") else {
            preconditionFailure("a constant name")
        }
        return name
    }
}
