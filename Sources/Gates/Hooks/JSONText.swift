// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// A JSON text of somebody else, changed in one place and left byte for byte elsewhere.
///
/// The text was read by the strict parser before; this only finds where values stand.
struct JSONText {
    private(set) var bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Where a value stands.
    typealias Place = Range<Int>

    /// The whole document's value, without white space around it.
    var root: Place {
        let start = skipSpace(0)
        return start..<end(of: start)
    }

    /// The value of a member of the object at `place`.
    func member(_ name: String, of place: Place) -> Place? {
        var found: Place?
        forEachMember(of: place) { key, value in
            if key.utf8.elementsEqual(name.utf8) { found = value }
        }
        return found
    }

    /// The elements of the array at `place`.
    func elements(of place: Place) -> [Place] {
        guard bytes[place.lowerBound] == UInt8(ascii: "[") else { return [] }
        var places: [Place] = []
        var index = skipSpace(place.lowerBound + 1)
        while bytes[index] != UInt8(ascii: "]") {
            let value = index..<end(of: index)
            places.append(value)
            index = skipSpace(value.upperBound)
            if bytes[index] == UInt8(ascii: ",") { index = skipSpace(index + 1) }
        }
        return places
    }

    /// The value at `place`, parsed.
    func value(at place: Place) -> JSON? {
        try? JSON(parsing: Array(bytes[place]), limits: .files)
    }

    /// Puts `text` where a value stood.
    mutating func replace(_ place: Place, with text: String) {
        bytes.replaceSubrange(place, with: Array(text.utf8))
    }

    /// Adds `text` as the last element or member of the array or object at `place`.
    ///
    /// Its lines are indented like what is there already, or two spaces deeper than the line on
    /// which the container begins.
    mutating func append(_ text: String, to place: Place) {
        let opening = place.lowerBound
        let closing = place.upperBound - 1
        var last = closing
        while last > opening + 1, Self.isSpace(bytes[last - 1]) { last -= 1 }
        let isEmpty = last == opening + 1
        let outer = indentation(before: opening)
        let first = skipSpace(opening + 1)
        let hasLines = bytes[opening..<closing].contains(UInt8(ascii: "\n"))
        let inner = isEmpty || !hasLines ? outer + "  " : indentation(before: first)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let body = lines.map { inner + $0 }.joined(separator: "\n")
        let tail = isEmpty || !hasLines ? "\n" + outer : ""
        let piece = (isEmpty ? "\n" : ",\n") + body + tail
        // What stood in front of the closing bracket stays, unless a line of its own is begun.
        let range = tail.isEmpty ? last..<last : last..<closing
        bytes.replaceSubrange(range, with: Array(piece.utf8))
    }

    /// The white space at the beginning of the line on which `index` stands.
    func indentation(before index: Int) -> String {
        var start = index
        while start > 0, bytes[start - 1] != UInt8(ascii: "\n") { start -= 1 }
        let blanks = bytes[start...].prefix { $0 == 0x20 || $0 == 0x09 }
        return String(decoding: blanks, as: UTF8.self)
    }

    // MARK: reading

    private func forEachMember(of place: Place, _ body: (String, Place) -> Void) {
        guard bytes[place.lowerBound] == UInt8(ascii: "{") else { return }
        var index = skipSpace(place.lowerBound + 1)
        while bytes[index] != UInt8(ascii: "}") {
            let key = index..<end(of: index)
            index = skipSpace(skipSpace(key.upperBound) + 1)
            let value = index..<end(of: index)
            body(self.value(at: key)?.stringValue ?? "", value)
            index = skipSpace(value.upperBound)
            if bytes[index] == UInt8(ascii: ",") { index = skipSpace(index + 1) }
        }
    }

    private func skipSpace(_ start: Int) -> Int {
        var index = start
        while index < bytes.count, Self.isSpace(bytes[index]) { index += 1 }
        return index
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    /// The index behind the value that begins at `start`.
    private func end(of start: Int) -> Int {
        var index = start
        var depth = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                while bytes[index] != UInt8(ascii: "\"") {
                    index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
                }
                if depth == 0 { return index + 1 }
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                // The end of what a number or word stands in.
                if depth == 0 { return index }
                depth -= 1
                if depth == 0 { return index + 1 }
            case UInt8(ascii: ","), 0x20, 0x09, 0x0A, 0x0D:
                if depth == 0 { return index }
            default: break
            }
            index += 1
        }
        return index
    }
}
