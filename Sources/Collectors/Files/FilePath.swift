// SPDX-License-Identifier: Apache-2.0

/// How paths, which are bytes, become subjects, which are text: without loss, and one way only.
///
/// A byte that is no part of well-formed UTF-8 is written `%` and two upper-case hex digits. So
/// that nothing else reads like that, a `%` in front of two such digits is written `%25`. All
/// other text stays as it is: `file:/etc/100%` and `file:/srv/naïve` mean what they say.
package enum FilePath {
    package static let prefix = "file:"

    /// The subject of an absolute path.
    package static func subject(_ path: [UInt8]) -> String {
        prefix + String(decoding: encoded(path), as: UTF8.self)
    }

    /// The path of a subject; nil where it is not one of a file.
    package static func path(ofSubject subject: String) -> [UInt8]? {
        guard subject.utf8.starts(with: prefix.utf8) else { return nil }
        let path = decoded(Array(subject.utf8.dropFirst(prefix.utf8.count)))
        return path.first == UInt8(ascii: "/") ? path : nil
    }

    /// Whether ``encoded(_:)`` leaves all of it alone and JSON has nothing to escape either.
    static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for byte in bytes
        where byte &- 0x20 >= 0x5F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
            || byte == UInt8(ascii: "%")
        {
            return false
        }
        return true
    }

    /// A path as it stands in a subject, escaped for JSON.
    static func text(ofPath path: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        appendEscaped(encoded(path), to: &text)
        return text
    }

    package static func encoded(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + 16)
        var index = 0
        while index < bytes.count {
            let length = wellFormedLength(bytes, at: index)
            if length == 0 {
                appendEscape(bytes[index], to: &result)
                index += 1
            } else if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                digit(bytes[index + 1]) != nil, digit(bytes[index + 2]) != nil
            {
                result += "%25".utf8
                index += 1
            } else {
                result += bytes[index..<index + length]
                index += length
            }
        }
        return result
    }

    package static func decoded(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "%"), index + 2 < text.count,
                let high = digit(text[index + 1]), let low = digit(text[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    /// Appends text as the inside of a canonical JSON string (RFC 8785 §3.2.2.2).
    static func appendEscaped(_ text: [UInt8], to line: inout [UInt8]) {
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                line.append(UInt8(ascii: "\\"))
                line.append(byte)
            case 0x08: line += #"\b"#.utf8
            case 0x09: line += #"\t"#.utf8
            case 0x0A: line += #"\n"#.utf8
            case 0x0C: line += #"\f"#.utf8
            case 0x0D: line += #"\r"#.utf8
            case 0..<0x20:
                line += #"\u00"#.utf8
                line.append(lowerDigits[Int(byte >> 4)])
                line.append(lowerDigits[Int(byte & 15)])
            default: line.append(byte)
            }
        }
    }

    /// `.`, `..` and doubled slashes taken out; nil where the path is not absolute or has a zero.
    ///
    /// By the text alone: whoever follows no links has no other reading of `..`.
    package static func normalised(_ path: [UInt8]) -> [UInt8]? {
        guard path.first == UInt8(ascii: "/"), !path.contains(0) else { return nil }
        var names: [ArraySlice<UInt8>] = []
        for name in path.split(separator: UInt8(ascii: "/")) {
            if name.elementsEqual(".".utf8) { continue }
            if name.elementsEqual("..".utf8) {
                _ = names.popLast()
            } else {
                names.append(name)
            }
        }
        return names.isEmpty
            ? [UInt8(ascii: "/")] : names.reduce(into: []) { $0 += [UInt8(ascii: "/")] + $1 }
    }

    /// Whether `path` is `folder` or below it.
    static func isInside(_ path: [UInt8], _ folder: [UInt8]) -> Bool {
        path.starts(with: folder)
            && (path.count == folder.count || folder.last == UInt8(ascii: "/")
                || path[folder.count] == UInt8(ascii: "/"))
    }

    /// The order of ``Subject`` for bytes: `/` before all others.
    static func precedes(_ a: some Sequence<UInt8>, _ b: some Sequence<UInt8>) -> Bool {
        var (a, b) = (a.makeIterator(), b.makeIterator())
        while true {
            switch (a.next(), b.next()) {
            case (_, nil): return false
            case (nil, _): return true
            case (let left?, let right?) where left == right: continue
            case (let left?, let right?):
                let slash = UInt8(ascii: "/")
                return left == slash || (right != slash && left < right)
            }
        }
    }

    private static let lowerDigits = Array("0123456789abcdef".utf8)
    private static let upperDigits = Array("0123456789ABCDEF".utf8)

    private static func appendEscape(_ byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "%"))
        bytes.append(upperDigits[Int(byte >> 4)])
        bytes.append(upperDigits[Int(byte & 15)])
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The length of the well-formed sequence that begins at `index` (Unicode, table 3-7), or 0.
    private static func wellFormedLength(_ bytes: [UInt8], at index: Int) -> Int {
        let first = bytes[index]
        if first < 0x80 { return 1 }
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: length = 4
        default: return 0
        }
        guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { return 0 }
        for place in index + 2..<max(index + length, index + 2)
        where !(0x80...0xBF).contains(bytes[place]) {
            return 0
        }
        return length
    }
}
