// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

/// What can be said of a frozen `command.run` from its input alone.
///
/// The server derives it; what a client says of itself never enters. Nothing that is in doubt
/// is `read`: ``effect`` is ``Effect/read`` only where ``isInspectable`` holds.
public struct CommandFacts: Sendable, Hashable {
    /// Name of the program, after links and multi-call programs; empty when there is none.
    public let program: String
    /// Subcommand words that the table knows, outermost first.
    public let subcommand: [String]
    /// Option words as written, without their separate values.
    public let options: [String]
    /// Words that are neither option, nor option value, nor subcommand.
    public let operands: [String]
    /// The worst effect found.
    public let effect: Effect
    /// All effects found, least severe first.
    public let effects: [Effect]
    /// Why the effect is what it is; at most 24 lines.
    public let reasons: [String]
    /// False when the command may do more than its frozen input shows.
    public let isInspectable: Bool
    /// The words of the command as frozen.
    public let arguments: [String]
    /// True if a word, a file behind one, or the working directory is one of the guarded places.
    public let touchesServer: Bool

    /// The opposite of ``isInspectable``.
    public var isUninspectable: Bool { !isInspectable }

    /// The facts as `context.facts` in policy.
    ///
    /// Members: `kind` (`command`), `program`, `subcommand`, `options`, `operands`, `effect`,
    /// `effects`, `inspectable`, `reasons`, `argv`, `touchesServer`.
    public var json: JSON {
        func list(_ words: [String]) -> JSON { .array(words.map { .string($0) }) }
        return .object(
            JSONObject([
                ("argv", list(arguments)), ("effect", .string(effect.rawValue)),
                ("effects", list(effects.map(\.rawValue))), ("inspectable", .bool(isInspectable)),
                ("kind", .string("command")), ("operands", list(operands)),
                ("options", list(options)), ("program", .string(program)),
                ("reasons", list(reasons)), ("subcommand", list(subcommand)),
                ("touchesServer", .bool(touchesServer)),
            ]))
    }

    /// Derives the facts from the frozen input of `command.run`.
    ///
    /// Never fails: input that is not of the expected shape is `unknown` and uninspectable.
    /// - Parameters:
    ///   - input: the frozen input.
    ///   - guarded: absolute paths of the server's own folders, links resolved; whatever names
    ///     one of them, or something in it, is of effect `key`.
    /// - Returns: the facts.
    public static func derive(from input: JSON, guarded: [String] = []) -> CommandFacts {
        let frozen = FrozenInput(input)
        var findings = Findings()
        let touched = frozen.firstPath(in: guarded)
        if let touched { findings.add(.key, "`\(touched)` is a place of this server") }
        guard let name = frozen.arguments.first, frozen.isWhole else {
            findings.doubt("the input is not that of a frozen command")
            return CommandFacts(
                frozen, program: "", findings: findings, reading: nil,
                touchesServer: touched != nil)
        }
        let program = frozen.programName(&findings)
        let analyser = CommandAnalyser(context: frozen.context, table: .shipped)
        let found = analyser.findings(
            program: program, arguments: Array(frozen.arguments.dropFirst()))
        findings.merge(found.findings)
        frozen.check(&findings)
        if name.isEmpty { findings.doubt("the program's name is empty") }
        return CommandFacts(
            frozen, program: program, findings: findings, reading: found.reading,
            touchesServer: touched != nil)
    }

    private init(
        _ frozen: FrozenInput, program: String, findings: Findings, reading: CommandReading?,
        touchesServer: Bool
    ) {
        self.touchesServer = touchesServer
        self.program = program
        self.subcommand = reading?.path ?? []
        self.options = reading?.options ?? []
        self.operands = reading?.operands ?? Array(frozen.arguments.dropFirst())
        let worst = findings.worst
        // Belt and braces: doubt always brings `unknown` along, see `Findings.doubt`.
        self.effect = worst == .read && !findings.isInspectable ? .unknown : worst
        self.effects = findings.effects.sorted()
        self.reasons = findings.reasons
        self.isInspectable = findings.isInspectable
        self.arguments = frozen.arguments
    }
}
