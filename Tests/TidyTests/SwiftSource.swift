// SPDX-License-Identifier: Apache-2.0

/// A Swift file with a second copy in which comments and string contents are blanked.
///
/// So a rule about code is not triggered by prose. Knows just enough of the language for that.
struct SwiftSource: Sendable {
    let file: SourceFile
    /// As long as `file.bytes`; comments and string contents are spaces, newlines are kept.
    let code: [UInt8]
    /// Zero-based numbers of the lines that begin inside a multi-line string literal.
    let linesInStrings: Set<Int>

    var path: String { file.path }

    init(_ file: SourceFile) {
        var scanner = Masker(bytes: file.bytes)
        scanner.run()
        self.file = file
        code = scanner.code
        linesInStrings = scanner.linesInStrings
    }

    init(path: String, text: String) {
        self.init(SourceFile(path: path, bytes: Array(text.utf8)))
    }

    func line(at offset: Int) -> Int { code.line(at: offset) }

    func occurrences(of token: String) -> [Int] { code.occurrences(of: token) }

    /// The modules this file imports, with the line of each import.
    var imports: [(module: String, line: Int)] {
        var found: [(module: String, line: Int)] = []
        for (number, line) in String(decoding: code, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        {
            let words = line.split(separator: " ")
            guard let position = words.firstIndex(of: "import") else { continue }
            let modifiers: Set<Substring> = [
                "public", "package", "internal", "fileprivate", "private", "@testable",
                "@_exported", "@preconcurrency", "@_spi", "@_implementationOnly",
            ]
            guard words[..<position].allSatisfy(modifiers.contains) else { continue }
            let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var"]
            let rest = words[(position + 1)...].drop { kinds.contains($0) }
            guard let module = rest.first?.split(separator: ".").first else { continue }
            found.append((String(module), number + 1))
        }
        return found
    }
}

extension [UInt8] {
    /// One-based line of a byte offset.
    func line(at offset: Int) -> Int {
        self[..<offset].count { $0 == Byte.newline } + 1
    }

    /// Byte offsets at which `token` stands, not as a part of a longer identifier.
    func occurrences(of token: String) -> [Int] {
        let wanted = Array(token.utf8)
        return withUnsafeBufferPointer { bytes in
            guard let first = wanted.first, bytes.count >= wanted.count else { return [] }
            var found: [Int] = []
            var start = 0
            while start <= bytes.count - wanted.count {
                defer { start += 1 }
                guard bytes[start] == first, stands(wanted, in: bytes, at: start) else { continue }
                let end = start + wanted.count
                let joinsBefore = start > 0 && joins(bytes[start - 1], first)
                let joinsAfter = end < bytes.count && joins(wanted[wanted.count - 1], bytes[end])
                if !joinsBefore && !joinsAfter { found.append(start) }
            }
            return found
        }
    }
}

private func stands(
    _ wanted: [UInt8], in bytes: UnsafeBufferPointer<UInt8>, at start: Int
) -> Bool {
    var index = 0
    while index < wanted.count, bytes[start + index] == wanted[index] { index += 1 }
    return index == wanted.count
}

/// Whether two neighbouring bytes belong to one identifier.
private func joins(_ left: UInt8, _ right: UInt8) -> Bool {
    Byte.isIdentifier(left) && Byte.isIdentifier(right)
}

enum Byte {
    static let newline = UInt8(ascii: "\n")
    static let space = UInt8(ascii: " ")

    static func isIdentifier(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xff:
            true
        default: false
        }
    }
}

/// Blanks comments and string contents.
///
/// Code inside an interpolation is code and stays.
private struct Masker {
    private enum Frame {
        case string(pounds: Int, multiline: Bool)
        case interpolation(depth: Int)
    }

    let bytes: [UInt8]
    var code: [UInt8]
    var linesInStrings: Set<Int> = []
    private var frames: [Frame] = []
    private var position = 0
    private var line = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
        code = bytes
    }

    mutating func run() {
        while position < bytes.count {
            if case .string(let pounds, let multiline) = frames.last {
                stepInString(pounds: pounds, multiline: multiline)
            } else {
                stepInCode()
            }
        }
    }

    private func matches(_ text: StaticString, at offset: Int) -> Bool {
        guard offset + text.utf8CodeUnitCount <= bytes.count else { return false }
        return (0..<text.utf8CodeUnitCount).allSatisfy {
            bytes[offset + $0] == text.utf8Start[$0]
        }
    }

    private func pounds(at offset: Int) -> Int {
        var end = offset
        while end < bytes.count, bytes[end] == UInt8(ascii: "#") { end += 1 }
        return end - offset
    }

    private mutating func blank(_ count: Int) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] == Byte.newline {
                newline()
            } else {
                code[position] = Byte.space
                position += 1
            }
        }
    }

    private mutating func newline() {
        line += 1
        position += 1
        if case .string(_, multiline: true) = frames.last { linesInStrings.insert(line) }
    }

    private mutating func stepInString(pounds wanted: Int, multiline: Bool) {
        let quotes = multiline ? 3 : 1
        if multiline ? matches("\"\"\"", at: position) : matches("\"", at: position),
            pounds(at: position + quotes) >= wanted
        {
            frames.removeLast()
            position += quotes + wanted
        } else if matches("\\", at: position), pounds(at: position + 1) == wanted {
            let escaped = position + 1 + wanted
            if matches("(", at: escaped) {
                blank(escaped + 1 - position)
                frames.append(.interpolation(depth: 1))
            } else {
                blank(escaped + 1 - position)
            }
        } else if bytes[position] == Byte.newline && !multiline {
            frames.removeLast()  // unterminated: not Swift, carry on with the next line
            newline()
        } else {
            blank(1)
        }
    }

    private mutating func stepInCode() {
        if matches("//", at: position) {
            while position < bytes.count, bytes[position] != Byte.newline { blank(1) }
        } else if matches("/*", at: position) {
            skipBlockComment()
        } else if bytes[position] == UInt8(ascii: "\"") || bytes[position] == UInt8(ascii: "#") {
            openString()
        } else if bytes[position] == Byte.newline {
            newline()
        } else {
            trackParentheses(bytes[position])
            position += 1
        }
    }

    private mutating func skipBlockComment() {
        var depth = 0
        repeat {
            if matches("/*", at: position) {
                depth += 1
                blank(2)
            } else if matches("*/", at: position) {
                depth -= 1
                blank(2)
            } else {
                blank(1)
            }
        } while depth > 0 && position < bytes.count
    }

    private mutating func openString() {
        let count = pounds(at: position)
        let quote = position + count
        if matches("\"\"\"", at: quote) {
            position = quote + 3
            frames.append(.string(pounds: count, multiline: true))
        } else if matches("\"", at: quote) {
            position = quote + 1
            frames.append(.string(pounds: count, multiline: false))
        } else {
            position = max(quote, position + 1)
        }
    }

    private mutating func trackParentheses(_ byte: UInt8) {
        guard case .interpolation(let depth) = frames.last else { return }
        if byte == UInt8(ascii: "(") {
            frames[frames.count - 1] = .interpolation(depth: depth + 1)
        } else if byte == UInt8(ascii: ")") {
            frames.removeLast()
            if depth > 1 { frames.append(.interpolation(depth: depth - 1)) }
        }
    }
}
