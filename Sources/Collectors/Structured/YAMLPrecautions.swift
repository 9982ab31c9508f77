// SPDX-License-Identifier: Apache-2.0

internal import DriftCore

/// Refuses YAML that would cost the parser too much, before it sees it.
///
/// The parser shares what aliases name, so that a "billion laughs" costs it nothing until somebody
/// walks through it, which ``YAMLReader`` does with a limit. Two things cost it by themselves: it
/// hashes keys, also those made of aliases, and it frees a chain of aliases one inside the other.
/// Words are looked at here, not tokens: text in a block may look like an alias and be counted.
enum YAMLPrecautions {
    /// The most aliases of a file: its chain of values is freed that deep on the stack.
    static let maximumAliases = 1_000
    /// So many aliases come to 59,049 times one value at most, three in each of ten steps.
    static let harmlessAliases = 30

    /// Looks through a file.
    /// - Throws: `DriftError`.
    static func check(_ bytes: [UInt8]) throws(DriftError) {
        var aliases = 0
        var hasAliasKey = false
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let found = look(line)
            aliases += found.aliases
            hasAliasKey = hasAliasKey || found.mayBeKey
        }
        guard aliases <= maximumAliases else {
            throw DriftError("more than \(maximumAliases) aliases: too many to be written out")
        }
        guard !hasAliasKey || aliases <= harmlessAliases else {
            throw DriftError(
                "keys that are aliases or lists, and more than \(harmlessAliases) aliases: write "
                    + "the keys out")
        }
    }

    /// Aliases in a line, and whether it may have a key with aliases in it.
    private static func look(_ line: ArraySlice<UInt8>) -> (aliases: Int, mayBeKey: Bool) {
        var aliases = 0
        var mayBeKey = false
        var previous: UInt8?
        var previousWord = line[line.startIndex..<line.startIndex]
        var index = line.startIndex
        while index < line.endIndex {
            let byte = line[index]
            let next = index + 1 < line.endIndex ? line[index + 1] : UInt8(ascii: " ")
            let isStart = previous.map { isSpace($0) || ",[{:-?".utf8.contains($0) } ?? true
            if byte == UInt8(ascii: "*"), isStart, isName(next) {
                aliases += 1
                let name = line[(index + 1)...].prefix(while: isName)
                let after = line[name.endIndex...].drop(while: isSpace)
                if after.first == UInt8(ascii: ":") { mayBeKey = true }
            }
            // The end of a list or mapping that is itself a key; such keys stand in one line.
            if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}"), aliases > 0,
                line[(index + 1)...].drop(while: isSpace).first == UInt8(ascii: ":")
            {
                mayBeKey = true
            }
            if byte == UInt8(ascii: "?"), isSpace(next), isStart,
                beginsToken(after: previousWord)
            {
                mayBeKey = true
            }
            if byte >= 0x80 {
                // It may be one of the line ends that only YAML knows.
                previousWord = line[index..<index]
            } else if !isSpace(byte) {
                let joins = previous.map { !isSpace($0) } ?? false
                let start = joins ? previousWord.startIndex : index
                previousWord = line[start...index]
            }
            previous = byte
            index += 1
        }
        return (aliases, mayBeKey)
    }

    /// Whether something can begin after that word of the same line.
    private static func beginsToken(after word: ArraySlice<UInt8>) -> Bool {
        guard let last = word.last, let first = word.first else { return true }
        return "-?:,[{".utf8.contains(last) || "&!".utf8.contains(first)
    }

    /// What is not ASCII counts too: U+0085, U+2028 and U+2029 end a line.
    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
            || byte >= 0x80
    }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
