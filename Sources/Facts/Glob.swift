// SPDX-License-Identifier: Apache-2.0

/// Matching of words as bytes; Swift's `==` would take the Kelvin sign for `K`.
enum Glob {
    /// Tells whether `word` matches `pattern`, in which `*` stands for any bytes, `/` too.
    static func matches(_ pattern: String, _ word: String) -> Bool {
        let pattern = Array(pattern.utf8)
        let word = Array(word.utf8)
        let star = UInt8(ascii: "*")
        var p = 0
        var w = 0
        var resume: (p: Int, w: Int)?
        while w < word.count {
            if p < pattern.count, pattern[p] == star {
                resume = (p + 1, w)
                p += 1
            } else if p < pattern.count, pattern[p] == word[w] {
                p += 1
                w += 1
            } else if let last = resume {
                // Give the last `*` one byte more and try again from there: linear in
                // patterns with few stars, and never recursive.
                resume = (last.p, last.w + 1)
                p = last.p
                w = last.w + 1
            } else {
                return false
            }
        }
        while p < pattern.count, pattern[p] == star { p += 1 }
        return p == pattern.count
    }
}

extension String {
    /// Equality of bytes.
    func isBytes(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }

    /// Tells whether the bytes begin with those of `prefix`.
    func hasBytePrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Tells whether the bytes end with those of `suffix`.
    func hasByteSuffix(_ suffix: String) -> Bool {
        utf8.count >= suffix.utf8.count
            && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// Tells whether every byte is printable ASCII.
    ///
    /// Only such words may name a program, a subcommand or an option in the table.
    var isPlainWord: Bool { utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }

    /// The parts between occurrences of an ASCII byte, empty ones included.
    func parts(separatedBy separator: UInt8) -> [String] {
        utf8.split(separator: separator, omittingEmptySubsequences: false)
            .map { String($0) ?? "" }
    }

    /// The bytes after `count` bytes, or nil where that is inside a character.
    func dropping(bytes count: Int) -> String? { String(utf8.dropFirst(count)) }
}
