// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation

/// A recorded session with the command line: commands behind a prompt, what they print below.
///
///     bob$ exequatur approve <act-1> --expect <hex16-1>
///     <act-1>  cleared
///     [0]
///
/// The prompt says whose token is used (`nobody$` none). What differs from run to run stands as a
/// placeholder, numbered by first appearance; a placeholder in a command becomes what it stands
/// for. Standard error is marked with `! `, an exit status other than 0 with `[77]`. Beside
/// `exequatur …` there is `submit ARGV…`, which asks for a command as an agent does.
struct Transcript {
    private let server: RunningServer
    private var tokens: [String: String] = [:]
    private var placeholders = Placeholders()

    init(_ server: RunningServer) throws {
        self.server = server
        tokens["admin"] = try server.adminToken
    }

    /// Runs the commands of a recorded session and records it anew.
    mutating func replay(_ recorded: String) throws -> String {
        var lines: [String] = []
        for line in recorded.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("#") { lines.append(String(line)) }
            guard let (user, command) = Self.prompt(line) else { continue }
            if !lines.isEmpty { lines.append("") }
            lines.append(String(line))
            lines += try run(command, as: user)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func prompt(_ line: Substring) -> (user: String, command: String)? {
        guard let match = line.wholeMatch(of: /([a-z-]+)\$ (.+)/) else { return nil }
        return (String(match.1), String(match.2))
    }

    private mutating func run(_ command: String, as user: String) throws -> [String] {
        let token = user == "nobody" ? nil : tokens[user]
        guard token != nil || user == "nobody" else { throw HarnessError("`\(user)` has no token") }
        var words = Self.words(command).map { placeholders.expanded($0) }
        guard !words.isEmpty else { return [] }
        let verb = words.removeFirst()
        guard verb == "exequatur" else { return try submit(words, token) }
        let result = try server.cli(words, token: token)
        learnToken(words, result.out)
        var lines = Self.lines(result.out) + Self.lines(result.err).map { "! \($0)" }
        if result.status != 0 { lines.append("[\(result.status)]") }
        return lines.map { placeholders.normalized($0, port: server.port, data: server.data) }
    }

    private mutating func submit(_ argv: [String], _ token: String?) throws -> [String] {
        let body: JSON = [
            "operation": Cast.operation(argv),
            "intent": ["justification": "because the golden session says so"],
        ]
        let answer = try server.connection().request(
            "POST", "/v1/actions", token: token, json: body)
        let state = answer.json?["state"]?.stringValue ?? answer.code ?? ""
        let line = "\(answer.status) \(answer.json?["id"]?.stringValue ?? "") \(state)"
        return [placeholders.normalized(line, port: server.port, data: server.data)]
    }

    /// `person add bob …` and the like print a token that later prompts use.
    private mutating func learnToken(_ words: [String], _ out: String) {
        guard words.count >= 3, ["add", "rotate"].contains(words[1]),
            let match = out.firstMatch(of: Placeholders.token)
        else { return }
        tokens[words[2]] = String(match.0)
    }

    /// Splits at spaces outside of single quotes.
    private static func words(_ command: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quoted = false
        for character in command {
            switch character {
            case "'":
                quoted.toggle()
                word = word ?? ""
            case " " where !quoted:
                if let word { words.append(word) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        return words + (word.map { [$0] } ?? [])
    }

    private static func lines(_ text: String) -> [String] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        return lines
    }
}

/// What differs from run to run, by its shape.
struct Placeholders {
    nonisolated(unsafe) static let token = /exq1_[apgm]_[0-9a-f]{32}_[A-Za-z0-9_\-]+/
    nonisolated(unsafe) private static let action = /act_[A-Za-z0-9_\-]+/
    nonisolated(unsafe) private static let time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/
    nonisolated(unsafe) private static let digest = /\b[0-9a-f]{64}\b/
    nonisolated(unsafe) private static let short = /\b[0-9a-f]{16}\b/
    nonisolated(unsafe) private static let key = /\+[0-9a-f]{8}\+[A-Za-z0-9+\/=]{44}/
    nonisolated(unsafe) private static let version = /exequatur\/[0-9]+\.[0-9]+\.[0-9]+/
    nonisolated(unsafe) private static let link = /(\/sign-?in[^ ]*[\/=#])[A-Za-z0-9_\-]{20,}/

    private var names: [String: String] = [:]
    private var counts: [String: Int] = [:]

    /// Puts back what placeholders stand for.
    func expanded(_ word: String) -> String {
        var word = word
        for (value, name) in names where word.contains(name) {
            word = word.replacing(name, with: value)
        }
        return word
    }

    mutating func normalized(_ line: String, port: Int, data: String) -> String {
        var line = line.replacing(data, with: "<data>").replacing(":\(port)", with: ":<port>")
        line = line.replacing(Self.link) { "\($0.1)<link>" }
        line = line.replacing(Self.key, with: "+<vkey>")
        line = line.replacing(Self.version, with: "exequatur/<version>")
        line = replacing(Self.token, "token", in: line)
        line = replacing(Self.action, "act", in: line)
        line = line.replacing(Self.time, with: "<time>")
        line = replacing(Self.digest, "digest", in: line)
        return replacing(Self.short, "hex16", in: line)
    }

    private mutating func replacing(
        _ pattern: Regex<Substring>, _ kind: String, in line: String
    ) -> String {
        line.matches(of: pattern).map { String($0.0) }.reduce(line) { line, value in
            line.replacing(value, with: name(value, kind))
        }
    }

    private mutating func name(_ value: String, _ kind: String) -> String {
        if let name = names[value] { return name }
        counts[kind, default: 0] += 1
        let name = "<\(kind)-\(counts[kind, default: 0])>"
        names[value] = name
        return name
    }
}
