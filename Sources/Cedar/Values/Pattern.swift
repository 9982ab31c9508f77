// SPDX-License-Identifier: Apache-2.0

/// The right side of `like`: text with wildcards, each of which stands for any text.
///
/// Matching works on bytes. That is exact, because a literal part is whole UTF-8 sequences and
/// can therefore only match where a code point begins.
public struct Pattern: Sendable, Hashable {
    /// One part of a pattern.
    public enum Element: Sendable, Hashable {
        /// One code point that stands for itself.
        case scalar(Unicode.Scalar)
        /// Any text, the empty one included.
        case wildcard
    }

    /// The parts as they were written.
    public let elements: [Element]
    /// The literal parts between wildcards; always one more than there are wildcards.
    private let segments: [[UInt8]]

    /// Makes a pattern of its parts.
    public init(_ elements: [Element]) {
        self.elements = elements
        var segments: [[UInt8]] = [[]]
        for element in elements {
            switch element {
            case .scalar(let scalar):
                segments[segments.count - 1].append(contentsOf: String(scalar).utf8)
            case .wildcard: segments.append([])
            }
        }
        self.segments = segments
    }

    /// Whether the whole text matches.
    public func matches(_ text: String) -> Bool {
        text.utf8.withContiguousStorageIfAvailable(matches)
            ?? Array(text.utf8).withUnsafeBufferPointer(matches)
    }

    private func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let first = segments[0]
        guard segments.count > 1 else {
            return text.count == first.count && Self.holds(text, first, at: 0)
        }
        let last = segments[segments.count - 1]
        guard text.count >= first.count + last.count,
            Self.holds(text, first, at: 0),
            Self.holds(text, last, at: text.count - last.count)
        else { return false }
        // Taking the leftmost place for each middle part never loses a match.
        var start = first.count
        let end = text.count - last.count
        for segment in segments[1..<(segments.count - 1)] where !segment.isEmpty {
            while start + segment.count <= end, !Self.holds(text, segment, at: start) { start += 1 }
            guard start + segment.count <= end else { return false }
            start += segment.count
        }
        return true
    }

    private static func holds(
        _ text: UnsafeBufferPointer<UInt8>, _ part: [UInt8], at start: Int
    ) -> Bool {
        for offset in part.indices where text[start + offset] != part[offset] { return false }
        return true
    }
}

extension Pattern: CustomStringConvertible {
    /// The pattern as a Cedar literal, quotes included.
    public var description: String {
        var text = ""
        for element in elements {
            switch element {
            case .wildcard: text += "*"
            case .scalar("*"): text += "\\*"
            case .scalar(let scalar): text += String(Character(scalar)).cedarEscaped
            }
        }
        return "\"" + text + "\""
    }
}
