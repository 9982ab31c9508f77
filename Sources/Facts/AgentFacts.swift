// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

/// What can be said of a coding agent's tool call from its frozen input alone.
///
/// The input is what the agent's host told its hook: no executable is bound, and a shell's text is
/// only text. So names of programs stand for what the machine's administrator installed under
/// them; aliases, functions and `PATH` are not seen. Nothing that is in doubt is `read`.
public struct AgentFacts: Sendable, Hashable {
    /// Names of the programs in a shell's text.
    public let programs: [String]
    /// Words of a shell's text, at most 1,000; more of them are a doubt.
    public let arguments: [String]
    /// The files that are named, made absolute.
    public let paths: [String]
    /// The host that a fetch asks, in lower case.
    public let host: String?
    /// The worst effect found.
    public let effect: Effect
    /// All effects found, least severe first.
    public let effects: [Effect]
    /// Why the effect is what it is; at most 24 lines.
    public let reasons: [String]
    /// False when the call may do more than its frozen input shows.
    public let isInspectable: Bool
    /// True if a word or file of it is one of the guarded places.
    public let touchesServer: Bool

    /// The facts as `context.facts` in policy.
    ///
    /// Members: `kind` (`agent`), `effect`, `effects`, `inspectable`, `reasons`, `programs`,
    /// `argv`, `paths`, `touchesServer`, and for a fetch `host`.
    public var json: JSON {
        func list(_ words: [String]) -> JSON { .array(words.map { .string($0) }) }
        var object: JSONObject = [
            "argv": list(arguments), "effect": .string(effect.rawValue),
            "effects": list(effects.map(\.rawValue)), "inspectable": .bool(isInspectable),
            "kind": "agent", "paths": list(paths), "programs": list(programs),
            "reasons": list(reasons), "touchesServer": .bool(touchesServer),
        ]
        if let host { object["host"] = .string(host) }
        return .object(object)
    }

    /// Derives the facts of an action of the group `agent`.
    ///
    /// Never fails: what is not of the expected shape is `unknown` and uninspectable.
    /// - Parameters:
    ///   - action: the action's name, such as `agent.shell`.
    ///   - input: the frozen input.
    ///   - guarded: absolute paths of the server's own folders, links resolved.
    /// - Returns: the facts.
    public static func derive(
        action: String, input: JSON, guarded: [String] = []
    ) -> AgentFacts {
        var reading = AgentReading(input)
        switch action {
        case "agent.shell": reading.shell()
        case "agent.read": reading.files(writing: false)
        case "agent.edit": reading.files(writing: true)
        case "agent.fetch": reading.fetch()
        case "agent.tool": reading.tool()
        case "agent.mcp":
            reading.findings.doubt("what a tool of another server does is not known here")
        default: reading.findings.doubt("`\(action.shortened)` is not an action of agents")
        }
        reading.checkShape(of: action)
        let touched = GuardedPlaces(guarded).first(in: input, cwd: reading.cwd)
        if let touched { reading.findings.add(.key, "`\(touched)` is a place of this server") }
        return AgentFacts(reading, touchesServer: touched != nil)
    }

    private init(_ reading: AgentReading, touchesServer: Bool) {
        let findings = reading.findings
        programs = reading.programs.unique
        arguments = reading.arguments.unique
        paths = reading.paths.unique
        host = reading.host
        let worst = findings.worst
        effect = worst == .read && !findings.isInspectable ? .unknown : worst
        effects = findings.effects.sorted()
        reasons = findings.reasons
        isInspectable = findings.isInspectable
        self.touchesServer = touchesServer
    }
}

extension Array where Element == String {
    /// Each once, compared as bytes, in the order of first appearance.
    fileprivate var unique: [String] {
        var seen: Set<[UInt8]> = []
        return filter { word in seen.insert([UInt8](word.utf8)).inserted }
    }
}

/// Folders that nobody should name.
struct GuardedPlaces {
    private let folders: [String]

    init(_ folders: [String]) { self.folders = folders.filter { !$0.isEmpty } }

    /// The first folder that some text in `input` names: as a path, a piece of a word, or anywhere
    /// inside a longer text.
    func first(in input: JSON, cwd: String) -> String? {
        guard !folders.isEmpty else { return nil }
        switch input {
        case .string(let text): return first(in: text, cwd: cwd)
        case .array(let elements):
            return elements.lazy.compactMap { first(in: $0, cwd: cwd) }.first
        case .object(let members):
            return members.lazy.compactMap { first(in: $0.value, cwd: cwd) }.first
        default: return nil
        }
    }

    private func first(in text: String, cwd: String) -> String? {
        if let folder = folders.first(where: { Self.stands($0, in: text) }) { return folder }
        // What is joined from pieces only where it is short: a file's text is no path.
        guard text.utf8.count <= 65_536 else { return nil }
        let breaks = " \t\n;|&<>()'\"`\\".utf8
        let words = text.utf8.split(whereSeparator: breaks.contains).map { String(Substring($0)) }
        for word in words.prefix(4_096) {
            for path in SensitivePaths.pieces(of: word, cwd: cwd) {
                if let folder = folders.first(where: { Self.contains($0, path) }) { return folder }
            }
        }
        return nil
    }

    private static func contains(_ folder: String, _ path: String) -> Bool {
        path.isBytes(folder) || path.hasBytePrefix(folder.isBytes("/") ? folder : folder + "/")
    }

    /// Tells whether the folder's path stands in a text and is not the beginning of a longer name.
    private static func stands(_ folder: String, in text: String) -> Bool {
        let needle = Array(folder.utf8)
        let bytes = Array(text.utf8)
        guard bytes.count >= needle.count else { return false }
        return (0...(bytes.count - needle.count)).contains { start in
            guard bytes[start] == needle[0] else { return false }
            let end = start + needle.count
            guard bytes[start..<end].elementsEqual(needle) else { return false }
            guard end < bytes.count else { return true }
            let next = bytes[end]
            let isName =
                next == UInt8(ascii: "_") || next == UInt8(ascii: "-")
                || (0x30...0x39).contains(next) || (0x61...0x7A).contains(next | 0x20)
            return !isName
        }
    }
}
