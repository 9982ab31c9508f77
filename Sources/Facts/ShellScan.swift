// SPDX-License-Identifier: Apache-2.0

/// A first look at a shell's text, only ever to raise the effect.
///
/// It splits at operators and quotes as a shell roughly would, and hands each simple command to
/// the table. What it misses stays `unknown`: no text given to a shell is ever `read`.
enum ShellScan {
    /// The simple commands that the text seems to contain; at most 256.
    static func commands(in text: String) -> [[String]] {
        var commands: [[String]] = []
        var words: [String] = []
        var word: [UInt8] = []
        var quote: UInt8?
        var isEscaped = false
        func flushWord() {
            if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
            word = []
        }
        func flushCommand() {
            flushWord()
            let command = Array(words.drop { isAssignmentOrKeyword($0) })
            if !command.isEmpty, commands.count < 256 { commands.append(command) }
            words = []
        }
        for byte in text.utf8 {
            if isEscaped {
                word.append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
                isEscaped = true
            } else if let open = quote {
                if byte == open {
                    quote = nil
                } else if open == UInt8(ascii: "\""), substitutions.contains(byte) {
                    flushCommand()
                } else {
                    word.append(byte)
                }
            } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                quote = byte
            } else if operators.contains(byte) {
                flushCommand()
            } else if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
                flushWord()
            } else {
                word.append(byte)
            }
        }
        flushCommand()
        return commands
    }

    private static let operators = Set(";|&\n\r(){}`<>".utf8)
    private static let substitutions = Set("`()".utf8)

    private static func isAssignmentOrKeyword(_ word: String) -> Bool {
        if keywords.contains(word) { return true }
        guard let cut = word.utf8.firstIndex(of: UInt8(ascii: "=")) else { return false }
        return word[..<cut].utf8.allSatisfy { byte in
            byte == UInt8(ascii: "_") || (0x30...0x39).contains(byte)
                || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        }
    }

    private static let keywords: Set<String> = [
        "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case",
        "esac", "in", "!", "time", "function", "exec", "command", "builtin", "eval", "$", "export",
        "local", "readonly", "set", "trap",
    ]
}
