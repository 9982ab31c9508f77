// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Writes HTTP/1.1 requests from parts that were prepared once.
struct RequestWriter {
    private let common: String

    init(host: String, token: String?) {
        var common = " HTTP/1.1\r\nhost: \(host)\r\n"
        if let token { common += "authorization: Bearer \(token)\r\n" }
        self.common = common
    }

    func get(_ path: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(256 + path.utf8.count)
        buffer.writeString("GET ")
        buffer.writeString(path)
        buffer.writeString(common)
        buffer.writeString("\r\n")
        return buffer
    }

    func post(_ path: String, _ body: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(384 + path.utf8.count + body.count)
        buffer.writeString("POST ")
        buffer.writeString(path)
        buffer.writeString(common)
        buffer.writeString("content-type: application/json\r\n")
        buffer.writeString("content-length: \(body.count)\r\n\r\n")
        buffer.writeBytes(body)
        return buffer
    }
}

/// A request body with places for 64 hex digits that differ from request to request.
struct BodyTemplate {
    /// Stands for one place in the text that makes the template.
    static let mark = String(repeating: "@", count: 64)

    private(set) var bytes: [UInt8]
    private let places: [Int]

    init(_ text: String) {
        bytes = Array(text.utf8)
        let at = UInt8(ascii: "@")
        var places: [Int] = []
        var index = 0
        while index + 64 <= bytes.count {
            if bytes[index..<index + 64].allSatisfy({ $0 == at }) {
                places.append(index)
                index += 64
            } else {
                index += 1
            }
        }
        self.places = places
    }

    /// Fills every place with fresh random digits.
    mutating func refresh(_ random: inout SplitMix64) {
        for place in places {
            for word in 0..<4 {
                var value = random.next()
                for digit in 0..<16 {
                    let nibble = UInt8(truncatingIfNeeded: value & 0xF)
                    value >>= 4
                    bytes[place + word * 16 + digit] = nibble < 10 ? 0x30 + nibble : 0x57 + nibble
                }
            }
        }
    }

    /// The digits at one place, for requests that must repeat them.
    func digits(at place: Int) -> String {
        String(decoding: bytes[places[place]..<places[place] + 64], as: UTF8.self)
    }
}

/// Fast and good enough for payloads that only have to differ.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// One answer: what a load generator has to know about it.
struct Answer {
    var status: Int
    var body: [UInt8]
}

enum AnswerError: Error {
    case malformed(String)
}

/// Cuts answers out of the bytes of a connection: `content-length` or chunked, nothing else.
struct AnswerParser {
    private static let headLimit = 65_536
    private var buffer: [UInt8] = []
    private var head: Head?

    private struct Head {
        var status: Int
        var bodyStart: Int
        var length: Int?
    }

    mutating func feed(_ bytes: ByteBufferView) { buffer.append(contentsOf: bytes) }

    /// The next complete answer, or nil until more bytes have come.
    mutating func next() throws -> Answer? {
        guard let head = try head ?? parseHead() else { return nil }
        self.head = head
        if let length = head.length {
            let end = head.bodyStart + length
            guard buffer.count >= end else { return nil }
            return take(Array(buffer[head.bodyStart..<end]), until: end, head)
        }
        guard let (body, end) = try chunks(from: head.bodyStart) else { return nil }
        return take(body, until: end, head)
    }

    private mutating func take(_ body: [UInt8], until end: Int, _ head: Head) -> Answer {
        if end == buffer.count {
            buffer.removeAll(keepingCapacity: true)
        } else {
            buffer.removeFirst(end)
        }
        self.head = nil
        return Answer(status: head.status, body: body)
    }

    private func parseHead() throws -> Head? {
        guard let end = endOfHead() else {
            guard buffer.count < Self.headLimit else { throw AnswerError.malformed("head") }
            return nil
        }
        let text = String(decoding: buffer[..<end], as: UTF8.self)
        let lines = text.split(separator: "\r\n")
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        guard let status else { throw AnswerError.malformed("status line") }
        var length: Int?
        var isChunked = false
        for line in lines.dropFirst() {
            let lower = line.lowercased()
            if lower.hasPrefix("content-length:") {
                length = Int(lower.dropFirst(15).filter { $0 != " " })
            } else if lower.hasPrefix("transfer-encoding:") {
                isChunked = lower.contains("chunked")
            }
        }
        if isChunked { length = nil } else if length == nil { length = 0 }
        return Head(status: status, bodyStart: end + 4, length: length)
    }

    private func endOfHead() -> Int? {
        guard buffer.count >= 4 else { return nil }
        for index in 0...(buffer.count - 4)
        where buffer[index] == 0x0D && buffer[index + 1] == 0x0A && buffer[index + 2] == 0x0D
            && buffer[index + 3] == 0x0A
        {
            return index
        }
        return nil
    }

    private func chunks(from start: Int) throws -> (body: [UInt8], end: Int)? {
        var body: [UInt8] = []
        var index = start
        while true {
            guard let lineEnd = buffer[index...].firstIndex(of: 0x0A) else { return nil }
            let digits = buffer[index..<lineEnd].prefix { $0 != 0x0D && $0 != UInt8(ascii: ";") }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16) else {
                throw AnswerError.malformed("chunk size")
            }
            let dataEnd = lineEnd + 1 + size
            guard buffer.count >= dataEnd + 2 else { return nil }
            if size == 0 { return (body, dataEnd + 2) }
            body += buffer[(lineEnd + 1)..<dataEnd]
            index = dataEnd + 2
        }
    }
}

extension Answer {
    /// The text of a string member of the top-level object, without parsing the rest.
    ///
    /// Only for members without escapes: ids and digests.
    func string(_ name: String) -> String? {
        let key = Array("\"\(name)\":\"".utf8)
        var depth = 0
        var inString = false
        var index = 0
        while index < body.count {
            let byte = body[index]
            if inString {
                if byte == UInt8(ascii: "\\") { index += 1 }
                if byte == UInt8(ascii: "\"") { inString = false }
            } else if byte == UInt8(ascii: "\"") {
                if depth == 1, body[index...].starts(with: key) {
                    let value = body[(index + key.count)...].prefix { $0 != UInt8(ascii: "\"") }
                    return String(decoding: value, as: UTF8.self)
                }
                inString = true
            } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                depth += 1
            } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
                depth -= 1
            }
            index += 1
        }
        return nil
    }
}
