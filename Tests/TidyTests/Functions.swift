// SPDX-License-Identifier: Apache-2.0

/// A function, initialiser, subscript or computed property with its extent in lines.
struct FunctionExtent: Equatable {
    let name: String
    let firstLine: Int
    let lineCount: Int
}

extension SwiftSource {
    /// Every declaration with a body, from the line of its keyword to that of its closing brace.
    var functions: [FunctionExtent] {
        ["func", "init", "deinit", "subscript", "var"]
            .flatMap { keyword in
                occurrences(of: keyword).compactMap { extent(of: keyword, at: $0) }
            }
            .sorted { $0.firstLine < $1.firstLine }
    }

    private func extent(of keyword: String, at start: Int) -> FunctionExtent? {
        // `self.init(` and `.init(` are calls.
        if start > 0, code[start - 1] == UInt8(ascii: ".") { return nil }
        guard let open = bodyStart(from: start + keyword.utf8.count, isProperty: keyword == "var"),
            let close = closingBrace(of: open)
        else { return nil }
        let first = line(at: start)
        return FunctionExtent(
            name: declaredName(keyword: keyword, at: start),
            firstLine: first,
            lineCount: line(at: close) - first + 1)
    }

    private func declaredName(keyword: String, at start: Int) -> String {
        guard keyword == "func" || keyword == "var" else { return keyword }
        let rest = code[(start + keyword.utf8.count)...].drop { $0 == Byte.space }
        return String(decoding: rest.prefix { Byte.isIdentifier($0) }, as: UTF8.self)
    }

    /// The opening brace of the body, or nil where the declaration has none (a requirement of a
    /// protocol, a stored property).
    private func bodyStart(from start: Int, isProperty: Bool) -> Int? {
        var depth = 0
        var position = start
        while position < code.count {
            switch code[position] {
            case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"):
                depth -= 1
                if depth < 0 { return nil }
            case UInt8(ascii: "{") where depth == 0: return position
            case UInt8(ascii: "}") where depth == 0: return nil
            case UInt8(ascii: "=") where depth == 0 && isProperty: return nil
            case Byte.newline where depth == 0:
                if isProperty || startsDeclaration(at: position + 1) { return nil }
            default: break
            }
            position += 1
        }
        return nil
    }

    /// Whether the line at `offset` begins something else, so that no body can follow.
    private func startsDeclaration(at offset: Int) -> Bool {
        let line = code[offset...].drop { $0 == Byte.space }.prefix { $0 != Byte.newline }
        let words: [StaticString] = [
            "func ", "init", "var ", "let ", "associatedtype ", "static ", "mutating ", "public ",
            "package ", "subscript", "@", "case ", "}",
        ]
        return words.contains { word in
            line.count >= word.utf8CodeUnitCount
                && line.prefix(word.utf8CodeUnitCount)
                    .elementsEqual(
                        UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
        }
    }

    private func closingBrace(of open: Int) -> Int? {
        var depth = 0
        for position in open..<code.count {
            if code[position] == UInt8(ascii: "{") { depth += 1 }
            if code[position] == UInt8(ascii: "}") { depth -= 1 }
            if depth == 0 { return position }
        }
        return nil
    }
}
