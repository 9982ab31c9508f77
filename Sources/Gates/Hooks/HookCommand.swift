// SPDX-License-Identifier: Apache-2.0

/// The command line that a host's settings hold.
public struct HookCommand: Sendable, Hashable {
    /// Absolute path of this program.
    public var program: String
    /// Whose hook it is.
    public var host: HookHost
    /// Our own deadline in seconds.
    public var deadlineSeconds: Int64
    /// Further options, such as `--url`; never a token.
    public var options: [String]

    /// Makes a command.
    public init(
        program: String, host: HookHost, deadlineSeconds: Int64, options: [String]
    ) {
        self.program = program
        self.host = host
        self.deadlineSeconds = deadlineSeconds
        self.options = options
    }

    /// What a command of ours has in it, however it is quoted.
    public static func isOurs(_ command: String, host: HookHost) -> Bool {
        let words = command.utf8.split(whereSeparator: { " \t\n'\"()".utf8.contains($0) })
        return words.indices.dropFirst().dropLast().contains { index in
            words[index].elementsEqual("hook".utf8)
                && words[index + 1].elementsEqual(host.rawValue.utf8)
                && words[index - 1].split(separator: UInt8(ascii: "/")).last?.starts(
                    with: "exequatur".utf8) ?? false
        }
    }

    /// The command for the event before a tool runs: any end of it but a clean one blocks.
    ///
    /// Hosts run what a shell reads; which shell differs, so that the script is given to `/bin/sh`
    /// by name. It says what to do on standard error, because a block that nobody understands
    /// locks its user out.
    public var before: String {
        let advice =
            "the gate of Exequatur ended with status $s, so nothing ran: repair it (exequatur hook"
            + " \(host.rawValue) selftest), or take this hook out of the settings"
        let script: String
        if host == .cursor {
            script =
                "\"$0\" \"$@\"; s=$?; [ $s -eq 0 ] && exit 0;"
                + " printf '{\"permission\":\"deny\",\"user_message\":\"%s\"}' \"\(advice)\""
        } else {
            script =
                "\"$0\" \"$@\"; s=$?; [ $s -eq 0 ] && exit 0;"
                + " [ $s -eq 2 ] || echo \"\(advice)\" >&2; exit 2"
        }
        return (["/bin/sh", "-c", Self.quoted(script)] + words).joined(separator: " ")
    }

    /// The command for events after a tool ran: nothing is left to block.
    public var after: String { words.joined(separator: " ") }

    private var words: [String] {
        [Self.quoted(program), "hook", host.rawValue, "--deadline", "\(deadlineSeconds)s"]
            + options.map(Self.quoted)
    }

    /// A word as every shell reads it.
    static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
                || "/._-:".utf8.contains(byte)
        }
        if plain, !word.isEmpty { return word }
        let parts = word.split(separator: "'", omittingEmptySubsequences: false)
        return "'" + parts.joined(separator: "'\\''") + "'"
    }
}
