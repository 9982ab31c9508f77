// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation

/// An answer as it came.
struct HTTPAnswer {
    var status: Int
    var headers: [String: String]
    var body: [UInt8]

    var json: JSON? { try? JSON(parsing: body) }
    var text: String { String(decoding: body, as: UTF8.self) }
    var code: String? { json?["code"]?.stringValue }
}

/// A connection that sends exactly the bytes it is told to, also those no client would send.
///
/// Sending and receiving are apart, so that one thread can have many requests under way at once.
final class HTTPConnection {
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(port: Int, seconds: Int = 70) throws {
        descriptor = try Socket.make()
        var timeout = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
        var address = Socket.address(port: port)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            // What is whole is taken apart by `deinit`, which closes.
            throw HarnessError("cannot connect to port \(port): errno \(errno)")
        }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                guard let base = raw.baseAddress else { return 0 }
                return Foundation.send(
                    descriptor, base + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw HarnessError("cannot send: errno \(errno)") }
            sent += count
        }
    }

    func send(
        _ method: String, _ path: String, token: String? = nil, body: [UInt8]? = nil,
        headers: [(String, String)] = []
    ) throws {
        var head = "\(method) \(path) HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        if let token { head += "authorization: Bearer \(token)\r\n" }
        if let body {
            let isTyped = headers.contains { $0.0.lowercased() == "content-type" }
            if !isTyped { head += "content-type: application/json\r\n" }
            head += "content-length: \(body.count)\r\n"
        }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        try send(Array((head + "\r\n").utf8) + (body ?? []))
    }

    /// Sends one request and waits for its answer.
    func request(
        _ method: String, _ path: String, token: String? = nil, json: JSON? = nil,
        body: [UInt8]? = nil, headers: [(String, String)] = []
    ) throws -> HTTPAnswer {
        let bytes = try json.map { try $0.canonicalBytes() } ?? body
        try send(method, path, token: token, body: bytes, headers: headers)
        return try receive()
    }

    func receive() throws -> HTTPAnswer {
        let head = try take(through: Array("\r\n\r\n".utf8))
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { throw HarnessError("no status line in `\(lines.first ?? "")`") }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        var body: [UInt8] = []
        if headers["transfer-encoding"]?.lowercased() == "chunked" {
            body = try receiveChunks()
        } else {
            body = try take(Int(headers["content-length"] ?? "0") ?? 0)
        }
        return HTTPAnswer(status: status, headers: headers, body: body)
    }

    /// One line of a stream that does not end.
    func line() throws -> String {
        String(decoding: try take(through: [0x0A]).dropLast(), as: UTF8.self)
    }

    private func receiveChunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let line = String(decoding: try take(through: [0x0D, 0x0A]).dropLast(2), as: UTF8.self)
            guard let size = Int(line, radix: 16) else { throw HarnessError("bad chunk `\(line)`") }
            body += try take(size)
            _ = try take(2)
            if size == 0 { return body }
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try fill() }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    private func take(through end: [UInt8]) throws -> [UInt8] {
        var searched = 0
        while true {
            if buffer.count >= end.count {
                for start in searched...(buffer.count - end.count)
                where buffer[start..<start + end.count].elementsEqual(end) {
                    return try take(start + end.count)
                }
                searched = buffer.count - end.count + 1
            }
            try fill()
        }
    }

    private func fill() throws {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else {
            throw HarnessError(count == 0 ? "the server closed" : "cannot receive: errno \(errno)")
        }
        buffer += chunk[..<count]
    }
}
