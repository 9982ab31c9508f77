// SPDX-License-Identifier: Apache-2.0

/// Parses a `text/event-stream` (WHATWG HTML §9.2.6) from chunks of bytes.
///
/// A line may be at most `maximumLine` bytes, an event's data at most `maximumData`; a stream that
/// exceeds either is refused, because it is not one of ours.
struct EventStreamParser: Sendable {
    struct Event: Sendable, Equatable {
        var id: String
        var name: String
        var data: String
    }

    static let maximumLine = 65_536
    static let maximumData = 262_144

    private var line: [UInt8] = []
    private var skipsLineFeed = false
    private var lastID = ""
    private var name = ""
    private var data: [String] = []
    private var dataBytes = 0

    init() {}

    mutating func feed(_ chunk: some Sequence<UInt8>) throws -> [Event] {
        var events: [Event] = []
        for byte in chunk {
            // A carriage return ends a line at once; a line feed right after it is part of it.
            if skipsLineFeed {
                skipsLineFeed = false
                if byte == 0x0A { continue }
            }
            guard byte == 0x0A || byte == 0x0D else {
                guard line.count < Self.maximumLine else { throw Self.tooLong }
                line.append(byte)
                continue
            }
            skipsLineFeed = byte == 0x0D
            if let event = try endLine() { events.append(event) }
        }
        return events
    }

    private static var tooLong: CLIError {
        CLIError("the event stream is malformed: a line or an event is too long")
    }

    private mutating func endLine() throws -> Event? {
        defer { line.removeAll(keepingCapacity: true) }
        if line.isEmpty { return dispatch() }
        let colon = line.firstIndex(of: UInt8(ascii: ":"))
        let field = line[..<(colon ?? line.endIndex)]
        var value = line[(colon.map { $0 + 1 } ?? line.endIndex)...]
        if value.first == 0x20 { value = value.dropFirst() }
        try set(String(decoding: field, as: UTF8.self), String(decoding: value, as: UTF8.self))
        return nil
    }

    private mutating func set(_ field: String, _ value: String) throws {
        switch field {
        case "event": name = value
        case "data":
            dataBytes += value.utf8.count + 1
            guard dataBytes <= Self.maximumData else { throw Self.tooLong }
            data.append(value)
        case "id" where !value.utf8.contains(0): lastID = value
        default: break  // comments (an empty field name), `retry` and unknown fields
        }
    }

    private mutating func dispatch() -> Event? {
        defer {
            name = ""
            data = []
            dataBytes = 0
        }
        guard !data.isEmpty else { return nil }
        return Event(
            id: lastID, name: name.isEmpty ? "message" : name,
            data: data.joined(separator: "\n"))
    }
}
