// SPDX-License-Identifier: Apache-2.0

/// Brings policy text into one canonical layout.
///
/// Comments are kept, policies are not changed: what is formatted reads as the same policies, and
/// formatting it once more changes nothing. A line that a word or a comment makes too long stays
/// too long.
public struct PolicyFormatter: Sendable, Hashable {
    /// The code points of a line that are aimed at; 80 unless set.
    public var lineWidth = 80
    /// The spaces of one level of indentation; 2 unless set.
    public var indentation = 2

    /// A formatter with the defaults.
    public init() {}

    /// Formats policies and templates.
    ///
    /// - Parameters:
    ///   - text: any number of policies and templates in Cedar syntax.
    ///   - limits: how much is read.
    /// - Returns: the text in canonical layout, which ends with a line feed unless it is empty.
    /// - Throws: ``PolicySyntaxErrors`` where the text cannot be read.
    public func format(
        _ text: String, limits: PolicyLimits = .init()
    ) throws(PolicySyntaxErrors) -> String {
        _ = try PolicySet(parsing: text, allowingTemplates: true, limits: limits)
        var stream = CommentedTokens(text)
        let layout = stream.policies()
        guard let layout else { return "" }
        return LayoutWriter.text(
            layout, width: max(lineWidth, 1), indentation: max(indentation, 0))
    }
}

/// The words of valid policy text with the comments around each.
struct CommentedTokens {
    struct Comment {
        let text: String
        /// Whether an empty line stands before it.
        let isAfterBlank: Bool
    }

    private struct Entry {
        let token: Token
        /// Comments on lines of their own before the word.
        var leading: [Comment] = []
        /// Comments behind the word on its line.
        var trailing: [Comment] = []
        /// Whether an empty line stands between the word and what is before it.
        var isAfterBlank = false
    }

    private let bytes: [UInt8]
    private var entries: [Entry]
    private var index = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
        var lexer = Lexer(bytes, keepsComments: true)
        lexer.run()
        entries = []
        var comments = lexer.comments[...]
        var line = 1
        for token in lexer.tokens {
            var entry = Entry(token: token)
            while let comment = comments.first, comment.start < token.span.start {
                comments.removeFirst()
                let text = Self.text(bytes, comment)
                if let last = entries.indices.last, comment.start.line == line,
                    entry.leading.isEmpty
                {
                    entries[last].trailing.append(Comment(text: text, isAfterBlank: false))
                } else {
                    let isAfterBlank = comment.start.line > line + 1
                    entry.leading.append(Comment(text: text, isAfterBlank: isAfterBlank))
                }
                line = comment.end.line
            }
            entry.isAfterBlank = token.span.start.line > line + 1
            line = token.span.end.line
            entries.append(entry)
        }
    }

    /// A comment without blanks at its end.
    private static func text(_ bytes: [UInt8], _ span: SourceSpan) -> String {
        var text = bytes[span.bytes]
        while let last = text.last, last == 0x20 || (0x09...0x0D).contains(last) {
            text.removeLast()
        }
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: words

    var kind: Token.Kind { entries[index].token.kind }

    var nextKind: Token.Kind { entries[min(index + 1, entries.count - 1)].token.kind }

    func isWord(_ word: StaticString) -> Bool {
        let span = entries[index].token.span
        guard kind == .identifier, span.bytes.count == word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { bytes[span.bytes].elementsEqual($0) }
    }

    /// The current word with its comments; goes on to the next one.
    mutating func word() -> Layout {
        let entry = entries[index]
        if entry.token.kind != .end { index += 1 }
        let text = String(decoding: bytes[entry.token.span.bytes], as: UTF8.self)
        if entry.leading.isEmpty, entry.trailing.isEmpty { return .text(text) }
        return .sequence(
            entry.leading.map { .ownLine($0.text) } + [.text(text)]
                + entry.trailing.map { .lineEnd($0.text) })
    }

    /// A comma with nothing behind it, which goes unless a comment stands at it.
    mutating func lastComma() -> [Layout] {
        let entry = entries[index]
        if !entry.leading.isEmpty || !entry.trailing.isEmpty { return [word()] }
        index += 1
        return []
    }

    // MARK: between policies

    /// Everything; `nil` for text without a word or a comment.
    fileprivate mutating func policies() -> Layout? {
        var parts: [Layout] = []
        while true {
            let isEnd = kind == .end
            if isEnd, entries[index].leading.isEmpty { break }
            if !parts.isEmpty { parts.append(.blankLine) }
            parts += comments()
            if isEnd { break }
            parts.append(policy())
        }
        return parts.isEmpty ? nil : .sequence(parts)
    }

    /// The comments before a policy, with the empty lines between them and behind them.
    private mutating func comments() -> [Layout] {
        let entry = entries[index]
        entries[index].leading = []
        var parts: [Layout] = []
        for (place, comment) in entry.leading.enumerated() {
            if place > 0 { parts.append(comment.isAfterBlank ? .blankLine : .hardLine) }
            parts.append(.text(comment.text))
        }
        if !entry.leading.isEmpty, entry.token.kind != .end {
            parts.append(entry.isAfterBlank ? .blankLine : .hardLine)
        }
        return parts
    }
}
