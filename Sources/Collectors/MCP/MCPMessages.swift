// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// Messages of the Model Context Protocol, as far as somebody needs them who only lists.
enum MCPMessages {
    /// The most bytes that a server may send in one observation.
    static let maximumBytes = 33_554_432

    static func parse(_ bytes: [UInt8]) throws(CollectorFailure) -> JSON {
        do {
            return try JSON(
                parsing: bytes,
                limits: JSONLimits(
                    maximumBytes: maximumBytes, maximumDepth: 128, maximumValues: 1_000_000))
        } catch {
            throw CollectorFailure(
                .malformed, "a message of the server: \(ShownText.line("\(error)"))")
        }
    }

    /// The message as the bytes of one line, without its end.
    static func bytes(_ message: JSON) -> [UInt8] { Array(message.description.utf8) }

    /// Whether this answers the request.
    static func isResponse(_ message: JSON, to request: JSON) -> Bool {
        message["method"] == nil && message["id"] == request["id"]
            && (message["result"] != nil || message["error"] != nil)
    }

    /// What to answer to something that the server asks; nil where it asks for nothing.
    ///
    /// A ping is answered. Models, files and people are not at hand here.
    static func answer(to message: JSON) -> JSON? {
        guard let method = message["method"]?.stringValue, let id = message["id"] else {
            return .none
        }
        if method == "ping" { return ["id": id, "jsonrpc": "2.0", "result": [:]] }
        return [
            "error": ["code": -32_601, "message": "only lists are asked for here"], "id": id,
            "jsonrpc": "2.0",
        ]
    }

    /// The messages in a stream of events (HTML, "Server-sent events").
    static func events(_ bytes: [UInt8]) -> [[UInt8]] {
        var messages: [[UInt8]] = []
        var data: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
            let line = rest[..<end]
            let isPair =
                rest[end] == 0x0D && rest.dropFirst(end + 1 - rest.startIndex).first == 0x0A
            rest = rest[(end + (isPair ? 2 : 1))...]
            if line.isEmpty {
                if !data.isEmpty { messages.append(Array(data.joined(separator: [0x0A]))) }
                data = []
            } else if line.starts(with: "data:".utf8) {
                let value = line.dropFirst(5)
                data.append(value.first == 0x20 ? value.dropFirst() : value)
            }
        }
        return messages.filter { !$0.isEmpty }
    }
}
