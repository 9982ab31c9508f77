// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import Collectors
internal import DriftCore
internal import ExequaturClient
internal import Gates
internal import TransparencyLog

/// `exequatur drift fix`: a plan, its approval, its execution, and a fresh look.
struct DriftFix: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fix",
        abstract: "Put deviations back as the baseline has them, once that is approved.",
        discussion: """
            Runs where the source is observed, with the observer's token in EXEQUATUR_GATE_TOKEN \
            and an agent's in EXEQUATUR_TOKEN. The server makes the plan; people see each change of \
            it; nothing happens before one of them approves. It is carried out only if what it was \
            made against is still there, and then looked at again. Ends with 0 when the look shows \
            everything in place, 1 when it does not or could not look, 77 when it was denied, 75 \
            when it is still pending.
            """)

    @Argument(help: "Whole ids (64 digits) of deviations, all of one source.")
    var ids: [String]

    @Option(help: "The source of the deviations.")
    var source: String

    @Option(help: "Why; shown to reviewers as the requester's own words.")
    var reason: String?

    @Option(help: "How long to wait for a decision, like 90s, 10m or 1h.")
    var wait: WaitTime = .hour

    @Option(
        help: ArgumentHelp(
            "For PostgreSQL: a file with settings of the account that makes the change.",
            discussion: "JSON with the members of the source's settings; it stays on this machine."),
        completion: .file())
    var account: String?

    @Flag(help: "Also put back what gives somebody more rights than he has now.")
    var broadening = false

    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard !ids.isEmpty else { throw ValidationError("name at least one deviation") }
        for id in ids where Hash256(hex: id) == nil {
            throw ValidationError("`\(id)`: the whole id, 64 digits; `drift list --json` has it")
        }
    }

    func run() async throws {
        CommandRunner.keepTokensPrivate()
        let environment = GateEnvironment()
        let observer = try DriftObserver(connection, environment)
        let code = try await observer.withClient { api in
            let planned = try await plan(api)
            let specification = try await observer.specification(source, api)
            let account = try account.map { try Self.account($0, of: specification.source) }
            let fixer = DriftFixer(
                specification.source, contents: observer.contents, key: observer.key,
                account: account)
            let end = try await perform(planned, fixer, environment)
            guard end.didRun else { return end.exitCode }
            do {
                // The look that shows whether it helped; the server compares it with the plan.
                let report = try await observer.once(source, api)
                for line in DriftText.report(source, report) { Output.note(line) }
                return try await verdict(end, planned.plan, report, api)
            } catch {
                let why = (error as? CLIError)?.message ?? "\(error)"
                throw CLIError(
                    "the plan was carried out, but whether it helped is not known: \(why); look "
                        + "with `exequatur drift observe \(source) --once`")
            }
        }
        throw ExitCode(code)
    }

    /// The settings of another account of the very server that the source is about.
    private static func account(
        _ file: String, of source: DriftSource
    ) throws
        -> PostgreSQLSettings
    {
        guard source.kind == .postgresql else {
            throw CLIError.usage("`--account` goes with sources of kind `postgresql`")
        }
        do {
            let json = try JSON(parsing: try LocalFile.read(file, limit: 65_536))
            let account = try PostgreSQLSettings(json, path: "account")
            let observed = try PostgreSQLSettings(.object(source.settings))
            guard account.host.utf8.elementsEqual(observed.host.utf8),
                account.port == observed.port
            else {
                throw CLIError.usage(
                    "it is of the server \(account.host), port \(account.port); the source is of "
                        + "\(observed.host), port \(observed.port)")
            }
            return account
        } catch let error as CLIError {
            throw CLIError.usage("`--account \(file)`: \(error.message)")
        } catch {
            throw CLIError.usage("`--account \(file)`: \(error)")
        }
    }

    // MARK: the plan

    private struct Planned {
        let plan: RemediationPlan
        let operation: FrozenOperation
    }

    private func plan(_ api: APIClient) async throws -> Planned {
        let answer = try await api.post(
            try DriftPath.source(source).appending("plan"),
            ["broadening": .bool(broadening), "ids": .array(ids.map(JSON.string))])
        let json = answer["plan"] ?? .null
        let plan = try RemediationPlan(json)
        for refusal in plan.refused {
            Output.note("left alone, \(refusal.fingerprint.hex.prefix(12)): \(refusal.reason)")
        }
        guard !plan.changes.isEmpty else {
            throw CLIError(
                "no plan can put this back, so nothing was asked for: "
                    + Set(plan.refused.map(\.reason)).sorted().joined(separator: "; "))
        }
        let operation = try FrozenOperation(
            action: "drift.remediate", resource: ["id": .string(source), "type": "DriftSource"],
            input: json, effects: plan.effects.map(\.json))
        return Planned(plan: plan, operation: operation)
    }

    // MARK: the action

    private struct End {
        let exitCode: Int32
        let didRun: Bool
    }

    private func perform(
        _ planned: Planned, _ fixer: DriftFixer, _ environment: GateEnvironment
    ) async throws -> End {
        let credentials = try environment.credentials(connection)
        let effects = GateEnvironment.effects
        let state = try GateState(directory: environment.stateDirectory)
        let progress = RunProgress(isAdvisory: credentials.gate == nil)
        return try await HTTPTransport.with(
            base: credentials.base, token: credentials.agent, gateToken: credentials.gate
        ) { transport in
            let client = GateClient(
                transport: transport, effects: effects, state: state,
                fingerprint: credentials.agent.keyFingerprint)
            await client.sendKeptReports()
            let grant: Grant
            do throws(GateFailure) {
                grant = try await client.obtain(
                    planned.operation, reason: reason, wait: wait.duration, abandonment: nil,
                    progress: { progress.show($0) })
            } catch {
                Output.standardError("exequatur: \(TerminalText.escaped(error.description))")
                return End(exitCode: error.exitCode, didRun: false)
            }
            return await carryOut(planned, grant, fixer, client)
        }
    }

    private func carryOut(
        _ planned: Planned, _ grant: Grant, _ fixer: DriftFixer, _ client: GateClient
    ) async -> End {
        guard grant.mayStart(now: client.effects.now()) else {
            _ = await client.report(
                GateOutcome(.notStarted, detail: "the claim ran out"), of: grant)
            Output.standardError(
                "exequatur: the claim ran out, and nothing was put back: run it again")
            return End(exitCode: ExitStatus.refused.rawValue, didRun: false)
        }
        let outcome = await withTaskGroup(of: Void.self) { group in
            group.addTask { await client.keepAlive(grant) }
            let outcome = await fixer.carryOut(planned.plan, action: grant.action.id)
            group.cancelAll()
            return outcome
        }
        if let why = await client.report(outcome, of: grant) {
            Output.note("the outcome of \(grant.action.id) is not reported: \(why)")
        }
        if let detail = outcome.detail { Output.note(detail) }
        switch outcome.status {
        case .succeeded: return End(exitCode: 0, didRun: true)
        case .notStarted: return End(exitCode: ExitStatus.failure.rawValue, didRun: false)
        case .failed, .unknown: return End(exitCode: ExitStatus.failure.rawValue, didRun: true)
        }
    }

    /// Whether the deviations of the plan are over, by the server's word.
    private func verdict(
        _ end: End, _ plan: RemediationPlan, _ report: JSON, _ api: APIClient
    ) async throws -> Int32 {
        guard ["ok", "partial"].contains(report["status"]?.stringValue) else {
            Output.note("it could not be looked at again: whether it helped is not known")
            return ExitStatus.failure.rawValue
        }
        let most = 1000
        let all = try await api.list(
            DriftPath.deviations.query("source", source).query("state", "all")
                .query("limit", "\(most)"))
        guard all.count < most else {
            Output.note("looked at again: more deviates than can be listed; see `drift status`")
            return ExitStatus.failure.rawValue
        }
        let planned = Set(plan.changes.flatMap(\.fields).map(\.fingerprint.hex))
        let left = all.filter { planned.contains($0["id"]?.stringValue ?? "") }.count
        guard left == 0 else {
            Output.note("looked at again: \(left) of the plan still deviate")
            return ExitStatus.failure.rawValue
        }
        let others = all.filter { ["open", "acknowledged"].contains($0["state"]?.stringValue) }
        Output.note(
            others.isEmpty
                ? "looked at again: nothing of \(source) deviates any more"
                : "looked at again: all of the plan is in place; \(others.count) of \(source) "
                    + "deviate that were not in it")
        return end.exitCode
    }
}

/// Carries plans out, on the machine that holds what they change.
struct DriftFixer: Sendable {
    private let source: DriftSource
    private let contents: FileContents
    private let key: [UInt8]
    private let account: PostgreSQLSettings?

    init(
        _ source: DriftSource, contents: FileContents, key: [UInt8],
        account: PostgreSQLSettings? = nil
    ) {
        self.source = source
        self.contents = contents
        self.key = key
        self.account = account
    }

    private func restore(_ plan: RemediationPlan) -> RemediationResult {
        guard let redactor = try? Redactor(key: key, secrets: source.secrets) else {
            return .notStarted("the source's secrets can't be read")
        }
        return FileRestorer(contents: contents) { subject in
            FileLook.document(subject, of: source, redactor: redactor, parse: DriftFiles.parse)
        }.carryOut(plan)
    }

    /// Does what an approved plan says, or nothing where something else is there by now.
    func carryOut(_ plan: RemediationPlan, action: String) async -> GateOutcome {
        let result: RemediationResult
        switch source.kind {
        case .files:
            result = restore(plan)
        case .postgresql:
            guard let redactor = try? Redactor(key: key, secrets: source.secrets) else {
                return GateOutcome(.notStarted, detail: "the source's secrets can't be read")
            }
            result = await DriftCollectors.remediate(
                plan, of: source, action: action, redactor: redactor, account: account)
        case .terraform, .http, .exec, .mcp, .exequatur:
            result = .notStarted(
                "nothing puts a source of kind `\(source.kind.rawValue)` right by itself: "
                    + "correct it there, or accept it")
        }
        switch result {
        case .done(let detail): return GateOutcome(.succeeded, detail: detail)
        case .notStarted(let why): return GateOutcome(.notStarted, detail: why)
        case .failed(let why): return GateOutcome(.failed, detail: why)
        }
    }
}
