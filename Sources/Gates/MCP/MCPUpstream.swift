// SPDX-License-Identifier: Apache-2.0

package import AsyncHTTPClient
internal import CanonicalJSON
internal import ExequaturClient
package import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// A server that listens itself.
package struct MCPUpstream: Sendable {
    /// Its address, such as `http://127.0.0.1:9000/mcp`.
    let url: String
    /// What it is shown as `Authorization`: the gateway's own, never the agent's.
    let authorization: String?
    let client: HTTPClient

    /// Time without a byte after which a server counts as gone, for the client's own set-up.
    package static let silence = TimeAmount.seconds(300)

    package init(url: String, authorization: String?, client: HTTPClient) {
        self.url = url
        self.authorization = authorization
        self.client = client
    }

    /// Sends a request; the answer's body is read by the caller.
    func send(
        _ method: HTTPMethod, _ headers: [(String, String)], body: [UInt8]?
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url)
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if request.headers["accept"].isEmpty {
            request.headers.add(name: "accept", value: "application/json, text/event-stream")
        }
        if let authorization { request.headers.add(name: "authorization", value: authorization) }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        return try await client.execute(request, deadline: .distantFuture)
    }
}

/// Takes messages out of a stream of events (HTML, "Server-sent events").
struct MCPEventParser {
    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var wasReturn = false
    private(set) var isTooLong = false
    /// The id to ask for what comes after; nil where the server gives none.
    private(set) var lastID: String?
    /// How long the server wants to be left alone first, at most a minute.
    private(set) var retry: Duration?

    /// Feeds bytes and returns the messages that they complete.
    mutating func feed(_ bytes: some Sequence<UInt8>) -> [[UInt8]] {
        var found: [[UInt8]] = []
        for byte in bytes {
            // A line ends with a return, a line feed, or both.
            defer { wasReturn = byte == UInt8(ascii: "\r") }
            if byte == UInt8(ascii: "\n"), wasReturn { continue }
            guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else {
                line.append(byte)
                if line.count + data.count > MCPMessage.serverBytes { isTooLong = true }
                if isTooLong { return found }
                continue
            }
            if let message = endLine() { found.append(message) }
        }
        return found
    }

    private mutating func endLine() -> [UInt8]? {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else {
            defer {
                data = []
                hasData = false
            }
            return hasData && !data.isEmpty ? data : nil
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":"))
        var value = line[(colon.map { $0 + 1 } ?? line.endIndex)...]
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        switch String(decoding: line[..<(colon ?? line.endIndex)], as: UTF8.self) {
        case "data": break
        case "id":
            let text = String(validating: value, as: UTF8.self)
            // What goes into a header again must fit into one.
            if let text, (1...1_024).contains(text.utf8.count),
                text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            {
                lastID = text
            }
            return nil
        case "retry":
            retry = Int(String(decoding: value, as: UTF8.self)).map {
                .milliseconds(max(0, min($0, 60_000)))
            }
            return nil
        default: return nil
        }
        if hasData { data.append(UInt8(ascii: "\n")) }
        data += value
        hasData = true
        return nil
    }
}
