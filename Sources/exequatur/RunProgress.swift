// SPDX-License-Identifier: Apache-2.0

internal import ExequaturClient
internal import Foundation
internal import Gates
internal import Synchronization

/// What a person at the terminal sees while waiting; nothing where nobody looks.
final class RunProgress: Sendable {
    private let isAdvisory: Bool
    private let isTerminal = isatty(STDERR_FILENO) == 1
    /// The version that was shown last; an unchanged one is not shown again.
    private let shown = Mutex<Int64?>(nil)

    init(isAdvisory: Bool) { self.isAdvisory = isAdvisory }

    func show(_ progress: GateProgress) {
        switch progress {
        case .reconnecting(let why): reconnecting(why)
        case .cleared(let action): cleared(action.id)
        case .waiting(let action, let remaining):
            waiting(PendingAction(action, remaining: remaining))
        }
    }

    func reconnecting(_ why: String) { say(["\(why); trying again"]) }

    func cleared(_ action: String) { say(["\(action) is cleared"]) }

    func waiting(_ action: PendingAction) {
        let isOld = shown.withLock { shown in
            defer { shown = action.version }
            return shown == action.version
        }
        if !isOld { say(lines(action)) }
    }

    private func say(_ lines: [String]) {
        guard isTerminal else { return }
        for line in lines {
            Output.standardError("exequatur: \(TerminalText.escaped(line))")
        }
    }

    private func lines(_ action: PendingAction) -> [String] {
        let label = isAdvisory ? " (advisory: this account could run it without asking)" : ""
        let seconds = action.remaining
        let left = seconds < 120 ? "\(seconds) s" : "\((seconds + 59) / 60) min"
        var lines = ["\(action.id) waits for approval\(label)"]
        lines += action.reasons.map { "because: \($0)" }
        lines += action.decisions
        let who = action.eligible.isEmpty ? "nobody yet" : action.eligible.joined(separator: ", ")
        lines.append("who can approve: \(who)")
        let until = action.deadline.map { ", open until \($0)" } ?? ""
        lines.append("time left: \(left) here\(until)")
        if let url = action.url { lines.append("decide at: \(url)") }
        lines.append("or: exequatur approve \(action.id) --expect \(action.digest.prefix(16))")
        return lines
    }
}
