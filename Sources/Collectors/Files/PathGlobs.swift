// SPDX-License-Identifier: Apache-2.0

package import DriftCore

/// Glob patterns over absolute paths, compared as bytes.
///
/// `*` and `?` stay within one name, `**` does not, `[a-z]` and `[!a-z]` are one byte. A pattern
/// that begins with `/` is about the whole path; any other matches behind any folder: `*.log` is
/// `/**/*.log`. A backslash takes the next byte as it is.
package struct PathGlobs: Sendable, Hashable {
    /// Patterns of one list; each entry of a tree is held against every one.
    package static let maximumPatterns = 256
    package static let maximumBytes = 4096

    package let texts: [String]
    private let patterns: [[UInt8]]

    /// - Throws: ``DriftError`` for too many or too long patterns, and an empty one.
    package init(_ texts: [String]) throws(DriftError) {
        guard texts.count <= Self.maximumPatterns else {
            throw DriftError("\(texts.count) patterns: at most \(Self.maximumPatterns)")
        }
        for text in texts {
            guard (1...Self.maximumBytes).contains(text.utf8.count) else {
                throw DriftError(
                    "`\(text.prefix(40))`: a pattern has 1 to \(Self.maximumBytes) bytes")
            }
        }
        self.texts = texts
        patterns = texts.map { $0.hasPrefix("/") ? Array($0.utf8) : Array("/**/\($0)".utf8) }
    }

    /// No patterns; matches nothing.
    package static let none = PathGlobs()

    private init() {
        texts = []
        patterns = []
    }

    package var isEmpty: Bool { patterns.isEmpty }

    package func matches(_ path: [UInt8]) -> Bool {
        patterns.contains { Self.matches($0, path) }
    }

    /// Walks both at once, going back to the last `*`, then to the last `**`, where it fails: at
    /// most pattern times path steps for each kind of star.
    private static func matches(_ pattern: [UInt8], _ path: [UInt8]) -> Bool {
        var (p, t) = (0, 0)
        var star: (pattern: Int, path: Int)?
        var deep: (pattern: Int, path: Int)?
        while true {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                if p + 1 < pattern.count, pattern[p + 1] == UInt8(ascii: "*") {
                    p += 2
                    // `/**/` also stands for a single `/`.
                    if p < pattern.count, pattern[p] == UInt8(ascii: "/"), p >= 3,
                        pattern[p - 3] == UInt8(ascii: "/"), t > 0,
                        path[t - 1] == UInt8(ascii: "/")
                    {
                        p += 1
                    }
                    deep = (p, t)
                    star = nil
                } else {
                    p += 1
                    star = (p, t)
                }
                continue
            }
            if p == pattern.count, t == path.count { return true }
            if t < path.count, let next = one(pattern, p, path[t]) {
                (p, t) = (next, t + 1)
                continue
            }
            if let last = star, last.path < path.count, path[last.path] != UInt8(ascii: "/") {
                star = (last.pattern, last.path + 1)
                (p, t) = (last.pattern, last.path + 1)
            } else if let last = deep, last.path < path.count {
                let isFolders = last.pattern > 0 && pattern[last.pattern - 1] == UInt8(ascii: "/")
                var place = last.path + 1
                // Behind `/**/` only the beginnings of names come into question.
                while isFolders, place < path.count, path[place - 1] != UInt8(ascii: "/") {
                    place += 1
                }
                guard place <= path.count else { return false }
                deep = (last.pattern, place)
                star = nil
                (p, t) = (last.pattern, place)
            } else {
                return false
            }
        }
    }

    /// Where the pattern goes on if its element at `index` takes `byte`; nil if it does not.
    private static func one(_ pattern: [UInt8], _ index: Int, _ byte: UInt8) -> Int? {
        guard index < pattern.count else { return nil }
        switch pattern[index] {
        case UInt8(ascii: "?"): return byte == UInt8(ascii: "/") ? nil : index + 1
        case UInt8(ascii: "\\") where index + 1 < pattern.count:
            return pattern[index + 1] == byte ? index + 2 : nil
        case UInt8(ascii: "["):
            guard let (takes, next) = set(pattern, index, byte) else {
                return byte == UInt8(ascii: "[") ? index + 1 : nil
            }
            return takes && byte != UInt8(ascii: "/") ? next : nil
        case let literal: return literal == byte ? index + 1 : nil
        }
    }

    /// Whether the set that begins at `index` has `byte`, and where it ends; nil if it has no end.
    private static func set(
        _ pattern: [UInt8], _ index: Int, _ byte: UInt8
    ) -> (takes: Bool, next: Int)? {
        var place = index + 1
        var isNegated = false
        if place < pattern.count, [UInt8(ascii: "!"), UInt8(ascii: "^")].contains(pattern[place]) {
            isNegated = true
            place += 1
        }
        let first = place
        var takes = false
        while place < pattern.count {
            let low = pattern[place]
            if low == UInt8(ascii: "]"), place > first { return (takes != isNegated, place + 1) }
            if place + 2 < pattern.count, pattern[place + 1] == UInt8(ascii: "-"),
                pattern[place + 2] != UInt8(ascii: "]")
            {
                takes = takes || (low <= byte && byte <= pattern[place + 2])
                place += 3
            } else {
                takes = takes || low == byte
                place += 1
            }
        }
        return nil
    }

    package static func == (a: PathGlobs, b: PathGlobs) -> Bool { a.patterns == b.patterns }
    package func hash(into hasher: inout Hasher) { hasher.combine(patterns) }
}
