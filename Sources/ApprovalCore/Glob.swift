// SPDX-License-Identifier: Apache-2.0

/// Matching of words as bytes; Swift's `==` would take the Kelvin sign for `K`.
package enum Glob {
    /// Tells whether `word` matches `pattern`, in which `*` stands for any bytes, `/` too.
    package static func matches(_ pattern: String, _ word: String) -> Bool {
        let pattern = Array(pattern.utf8)
        let word = Array(word.utf8)
        let star = UInt8(ascii: "*")
        var p = 0
        var w = 0
        var resume: (p: Int, w: Int)?
        while w < word.count {
            // A star first, as a word may have stars of its own.
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
