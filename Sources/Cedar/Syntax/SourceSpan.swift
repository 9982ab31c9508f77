// SPDX-License-Identifier: Apache-2.0

/// A place in policy text.
public struct SourcePosition: Sendable, Hashable, Comparable, CustomStringConvertible {
    private let storedOffset: UInt32
    private let storedLine: UInt32
    private let storedColumn: UInt32

    init(offset: Int, line: Int, column: Int) {
        storedOffset = UInt32(clamping: offset)
        storedLine = UInt32(clamping: line)
        storedColumn = UInt32(clamping: column)
    }

    /// Bytes of UTF-8 before this place.
    public var offset: Int { Int(storedOffset) }

    /// The line, counted from 1; lines end with a line feed.
    public var line: Int { Int(storedLine) }

    /// The column in code points, counted from 1.
    public var column: Int { Int(storedColumn) }

    /// `line:column`.
    public var description: String { "\(line):\(column)" }

    /// Whether the left place comes first.
    public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        left.storedOffset < right.storedOffset
    }
}

/// A stretch of policy text, from its first byte to just after its last.
public struct SourceSpan: Sendable, Hashable, CustomStringConvertible {
    /// Where it starts.
    public let start: SourcePosition
    /// Where what follows starts.
    public let end: SourcePosition

    init(_ start: SourcePosition, _ end: SourcePosition) {
        self.start = start
        self.end = end
    }

    /// The bytes of the text that it covers.
    public var bytes: Range<Int> { start.offset..<end.offset }

    /// `line:column` of the start.
    public var description: String { start.description }

    func through(_ other: SourceSpan) -> SourceSpan {
        SourceSpan(start, other.end)
    }
}

/// One text with policies, such as one file.
public struct PolicySource: Sendable, Hashable {
    /// How errors call it; a file name, or `nil` where there is only one text.
    public let name: String?
    /// The policies.
    public let text: String

    /// Makes a source.
    public init(name: String? = nil, text: String) {
        self.name = name
        self.text = text
    }
}
