// SPDX-License-Identifier: Apache-2.0

/// A first look at SQL that is given to a command-line client.
///
/// It raises the effect by the words outside quotes and comments. It never lowers it: a client
/// of a database exports at the least, because what it prints leaves the database.
enum SQLScan {
    /// Looks at one text of statements and client commands.
    static func findings(_ text: String, client: String) -> Findings {
        var findings = Findings()
        let (words, isComplete) = words(text)
        if !isComplete { findings.doubt("SQL has a quote or comment that does not end") }
        for word in words.map(\.asciiLowercased) {
            if let effect = keywords[word] { findings.add(effect) }
            if running.contains(where: { $0.isBytes(word) }) {
                findings.doubt("SQL names `\(word)`, which reaches outside the database")
            }
        }
        for line in text.split(whereSeparator: \.isNewline) {
            clientCommand(String(line), client: client, &findings)
        }
        return findings
    }

    /// Looks for commands of the client itself, which run programs or touch files.
    private static func clientCommand(
        _ line: String, client: String, _ findings: inout Findings
    ) {
        let trimmed = line.drop { $0 == " " || $0 == "\t" }
        if trimmed.hasPrefix(".") {
            let name = trimmed.dropFirst().prefix { $0.isLetter }.lowercased()
            if !quietDotCommands.contains(name) {
                findings.doubt("`.\(name)` of the client may run programs or touch files")
            }
        } else if line.utf8.contains(UInt8(ascii: "\\")) {
            findings.doubt("a backslash command of the client may run programs or touch files")
        } else if let first = trimmed.split(separator: " ").first?.lowercased(),
            ["system", "source", "tee", "pager", "edit", "!"].contains(first)
        {
            findings.doubt("`\(first)` of the client may run programs or touch files")
        }
    }

    /// The words outside quotes and comments; quoted names count as words too, for a function
    /// may be called by its quoted name.
    private static func words(_ text: String) -> (words: [String], isComplete: Bool) {
        let bytes = Array(text.utf8)
        var words: [String] = []
        var word: [UInt8] = []
        var index = 0
        func at(_ offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0 }
        func flush() {
            if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
            word = []
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "'") {
                flush()
                guard let end = bytes[(index + 1)...].firstIndex(of: byte) else {
                    return (words, false)
                }
                index = end + 1
            } else if byte == UInt8(ascii: "-"), at(index + 1) == byte {
                flush()
                index = bytes[index...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            } else if byte == UInt8(ascii: "/"), at(index + 1) == UInt8(ascii: "*") {
                // MySQL runs what stands in `/*! … */`, so comments are read like the rest.
                flush()
                index += 2
            } else if isWord(byte) {
                word.append(byte)
                index += 1
            } else {
                flush()
                index += 1
            }
        }
        flush()
        return (words, true)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || byte >= 0x80 || (0x30...0x39).contains(byte)
            || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static let keywords: [String: Effect] = [
        "insert": .write, "update": .write, "delete": .write, "replace": .write,
        "merge": .write, "truncate": .write, "create": .write, "alter": .write, "drop": .write,
        "vacuum": .write, "reindex": .write, "attach": .write, "call": .unknown,
        "do": .unknown, "execute": .unknown, "load": .unknown, "grant": .role,
        "revoke": .role, "role": .role, "user": .role, "owner": .role, "password": .key,
        "identified": .key, "pg_authid": .key, "pg_shadow": .key, "rolpassword": .key,
        "authentication_string": .key,
    ]

    private static let running = [
        "copy", "program", "outfile", "dumpfile", "load_file", "infile", "lo_export", "lo_import",
        "load_extension", "writefile", "readfile", "edit", "fts3_tokenizer", "pg_read_file",
        "pg_read_binary_file", "pg_ls_dir", "dblink", "dblink_exec", "xp_cmdshell", "utl_file",
        "sys_exec", "sys_eval", "plpython3u", "plperlu", "extension",
    ]

    private static let quietDotCommands: Set<String> = [
        "dump", "schema", "tables", "databases", "indexes", "indices", "mode", "headers",
        "header", "show", "stats", "timer", "width", "nullvalue", "separator", "dbinfo",
        "fullschema", "echo", "bail", "changes", "eqp", "explain", "quit", "exit", "help",
        "print", "sha", "version",
    ]
}
