// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CanonicalJSON
public import ExequaturClient

/// What became of a command that was given to a gate.
public struct CommandRun: Sendable {
    /// The process's exit code: the child's, or 77, 75 or 69 when nothing ran.
    public var exitCode: Int32
    /// Why nothing ran; nil when the command ran.
    public var failure: GateFailure?
    /// What else the caller should know, one line each.
    public var notes: [String]

    /// Describes a run.
    public init(exitCode: Int32, failure: GateFailure?, notes: [String] = []) {
        self.exitCode = exitCode
        self.failure = failure
        self.notes = notes
    }
}

/// Takes a frozen command all the way: ask, wait, claim, check, execute, report.
public struct CommandRunner: Sendable {
    private let client: GateClient
    private let executor: CommandExecutor
    private let observer: EffectObserver?

    /// Makes a runner that keeps its links to scripts in the gate's state directory.
    ///
    /// - Parameters:
    ///   - client: asks and reports.
    ///   - observer: looks at the effects that the command declares as observed; nil where the
    ///     caller lets it declare none.
    public init(client: GateClient, observer: EffectObserver? = nil) {
        self.client = client
        self.observer = observer
        executor = CommandExecutor(privateDirectory: client.state.runDirectory)
    }

    /// Makes a runner for commands of others.
    package init(
        client: GateClient, executor: CommandExecutor, observer: EffectObserver?
    ) {
        self.client = client
        self.executor = executor
        self.observer = observer
    }

    /// Keeps this process's tokens out of `/proc`, where the commands that it runs could look.
    public static func keepTokensPrivate() { clinux_keep_memory_private() }

    /// Runs a command if it is cleared, and only then.
    /// - Parameters:
    ///   - frozen: the command as it was frozen.
    ///   - reason: the requester's own words.
    ///   - wait: how long to wait for a decision.
    ///   - progress: told whenever something changes.
    /// - Returns: the exit code to end with, and why nothing ran if nothing did.
    public func run(
        _ frozen: FrozenCommand, reason: String?, wait: Duration,
        progress: @Sendable (GateProgress) -> Void
    ) async -> CommandRun {
        await run(
            frozen, reason: reason, wait: wait, abandonment: nil, output: nil, progress: progress)
    }

    /// Runs a command for somebody who may go away, and who takes what it writes.
    /// - Parameters:
    ///   - frozen: the command as it was frozen.
    ///   - reason: the requester's own words.
    ///   - wait: how long to wait for a decision.
    ///   - abandonment: ends the wait early; a command that runs goes on.
    ///   - output: takes what it writes; nil: it goes where this process's own goes.
    ///   - progress: told whenever something changes.
    /// - Returns: the exit code to end with, and why nothing ran if nothing did.
    package func run(
        _ frozen: FrozenCommand, reason: String?, wait: Duration, abandonment: Abandonment?,
        output: CommandOutput?, progress: @Sendable (GateProgress) -> Void
    ) async -> CommandRun {
        await client.sendKeptReports()
        let grant: Grant
        do throws(GateFailure) {
            grant = try await client.obtain(
                frozen.operation, reason: reason, wait: wait, abandonment: abandonment,
                progress: progress)
        } catch {
            return CommandRun(exitCode: error.exitCode, failure: error, notes: [])
        }
        return await execute(frozen, grant, output)
    }

    private func execute(
        _ frozen: FrozenCommand, _ grant: Grant, _ output: CommandOutput?
    ) async -> CommandRun {
        // Before all checks: however long it takes, nothing is believed of the time before it.
        let before = await look(frozen)
        let prepared: PreparedCommand
        switch await CommandThread.run(
            as: executor.account, { CommandBinding.recheck(frozen) })
        {
        case .failure(let failure):
            return await stop(grant, .refused("the command's account: \(failure)"))
        case .success(.ready(let command)): prepared = command
        case .success(.mismatch(let found)):
            let what = found.filter(\.isRefused).map(\.description).joined(separator: "; ")
            return await stop(
                grant, .alarm("not what was approved, so it was not run: \(what)"))
        }
        // The last moment at which the claim's window counts; nothing below waits for anybody.
        guard grant.mayStart(now: client.effects.now()) else {
            return await stop(
                grant,
                .refused(
                    "the claim ran out before the command could start: run it again"
                        + (before.isEmpty ? "" : ", with the values of its effects declared")))
        }
        let (result, after) = await withTaskGroup(of: Void.self) { group in
            group.addTask { await client.keepAlive(grant) }
            let result = await blocking(prepared, actionID: grant.action.id, output)
            // The server hears of this gate until it has its report.
            let after = if case .success = result { await look(frozen) } else { [Int: JSON]() }
            group.cancelAll()
            return (result, after)
        }
        switch result {
        case .failure(let error): return await stop(grant, .refused(error.description))
        case .success(let outcome):
            let changes = EffectObserver.changes(before, after)
            let told = EffectObserver.fitting(changes)
            var notes = (observer?.unseen(frozen.operation, before, after) ?? []).map {
                "\($0) could not be looked at, so this action explains no change of it"
            }
            if told.count < changes.count {
                notes.append(
                    "\(changes.count - told.count) of the changes that were seen are too long to "
                        + "report, so this action does not explain them")
            }
            return await finish(grant, outcome, prepared.reports, told, notes)
        }
    }

    /// The effects that are to be observed; none where no thread is to be had, which claims none.
    private func look(_ frozen: FrozenCommand) async -> [Int: JSON] {
        guard let observer else { return [:] }
        // As the command's account: what that may not read is told to nobody.
        let found = await CommandThread.run(as: executor.account) {
            observer.documents(frozen.operation)
        }
        return (try? found.get()) ?? [:]
    }

    private func finish(
        _ grant: Grant, _ outcome: CommandOutcome, _ reports: [BindingMismatch],
        _ effects: [JSON], _ told: [String]
    ) async -> CommandRun {
        var report = GateOutcome(outcome)
        report.effects = effects
        let changed = reports.map(\.description)
        if !changed.isEmpty {
            let detail = [report.detail, changed.joined(separator: "; ")].compactMap { $0 }
            report.detail = detail.joined(separator: "; ")
        }
        var notes = told + changed.map { "changed since it was asked for: \($0)" }
        if let why = await client.report(report, of: grant) {
            notes.append("the outcome of \(grant.action.id) is not reported: \(why)")
        }
        return CommandRun(exitCode: outcome.exitCode, failure: nil, notes: notes)
    }

    private func stop(_ grant: Grant, _ failure: GateFailure) async -> CommandRun {
        let outcome = GateOutcome(.notStarted, detail: failure.description)
        var notes: [String] = []
        if let why = await client.report(outcome, of: grant) {
            notes.append("the outcome of \(grant.action.id) is not reported: \(why)")
        }
        return CommandRun(exitCode: failure.exitCode, failure: failure, notes: notes)
    }

    private func blocking(
        _ command: PreparedCommand, actionID: String, _ output: CommandOutput?
    ) async -> Result<CommandOutcome, CommandStartError> {
        // Not as the other account: the child becomes that by itself.
        let result = await CommandThread.run(as: nil) {
            () -> Result<CommandOutcome, CommandStartError> in
            do throws(CommandStartError) {
                return .success(
                    try executor.execute(command, actionID: actionID, output: output))
            } catch {
                return .failure(error)
            }
        }
        return result.flatMapError { _ in
            .failure(CommandStartError(description: "no thread"))
        }.flatMap { $0 }
    }
}
