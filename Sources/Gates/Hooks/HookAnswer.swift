// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// What a hook leaves behind: bytes on both streams and an exit code.
public struct HookAnswer: Sendable, Hashable {
    /// Standard output: one JSON value, or nothing.
    public let out: [UInt8]
    /// Standard error: what the model reads of a block.
    public let err: [UInt8]
    /// 0, or 2 for a block.
    public let exitCode: Int32

    init(out: JSON?, err: String = "", exitCode: Int32) {
        // These objects have no numbers, so that they always have a canonical form.
        self.out = out.flatMap { try? $0.canonicalBytes() }.map { $0 + [0x0A] } ?? []
        self.err = err.isEmpty ? [] : Array((err + "\n").utf8)
        self.exitCode = exitCode
    }

    /// Nothing to say, as after a tool ran.
    public static let silence = HookAnswer(out: nil, exitCode: 0)
}

/// How a verdict is told.
public struct HookAnswerOptions: Sendable, Hashable {
    /// Claude Code, headless: keep a call that waits, and end the process.
    public var defers = false
    /// Claude Code: clear, but let the host's own permission prompts happen as well.
    public var keepsPrompts = false

    /// Makes options, none of them set.
    public init() {}
}

extension HookHost {
    /// The block or clearance that this host understands.
    ///
    /// - Parameters:
    ///   - verdict: what to say.
    ///   - event: the event that is answered, nil where it is not known.
    ///   - mayDefer: whether the host would keep the call for later if asked to.
    ///   - options: how to say it.
    /// - Returns: the answer.
    public func answer(
        _ verdict: HookVerdict, event: String?, mayDefer: Bool = false,
        options: HookAnswerOptions = HookAnswerOptions()
    ) -> HookAnswer {
        switch self {
        case .claudeCode: claudeCode(verdict, event, mayDefer, options)
        case .codex: codex(verdict, event)
        case .cursor: cursor(verdict)
        case .gemini: gemini(verdict)
        }
    }

    /// Exit code 2 blocks whatever the host makes of the output, and standard error is the reason.
    private func claudeCode(
        _ verdict: HookVerdict, _ event: String?, _ mayDefer: Bool, _ options: HookAnswerOptions
    ) -> HookAnswer {
        if let answer = permissionRequest(verdict, event) { return answer }
        func specific(_ decision: String, _ text: String) -> JSON {
            [
                "hookSpecificOutput": [
                    "hookEventName": .string(event ?? beforeEvent),
                    "permissionDecision": .string(decision),
                    "permissionDecisionReason": .string(text),
                ]
            ]
        }
        switch verdict {
        case .cleared where options.keepsPrompts: return HookAnswer(out: [:], exitCode: 0)
        case .cleared: return HookAnswer(out: specific("allow", verdict.text), exitCode: 0)
        case .waiting(var wait) where options.defers && mayDefer:
            wait.isDeferred = true
            return HookAnswer(
                out: specific("defer", HookVerdict.waiting(wait).text), exitCode: 0)
        default:
            return HookAnswer(
                out: specific("deny", verdict.text), err: verdict.text, exitCode: 2)
        }
    }

    /// Codex knows no clearance: it runs what is not denied, and wants a reason for a denial.
    private func codex(_ verdict: HookVerdict, _ event: String?) -> HookAnswer {
        if let answer = permissionRequest(verdict, event) { return answer }
        guard !verdict.isCleared else { return .silence }
        let out: JSON = [
            "hookSpecificOutput": [
                "hookEventName": .string(beforeEvent), "permissionDecision": "deny",
                "permissionDecisionReason": .string(verdict.text),
            ]
        ]
        return HookAnswer(out: out, err: verdict.text, exitCode: 2)
    }

    /// `PermissionRequest` does not obey exit code 2, and this gate never grants one.
    private func permissionRequest(_ verdict: HookVerdict, _ event: String?) -> HookAnswer? {
        guard let event, event.utf8.elementsEqual("PermissionRequest".utf8) else { return nil }
        return HookAnswer(
            out: [
                "hookSpecificOutput": [
                    "decision": ["behavior": "deny", "message": .string(verdict.text)],
                    "hookEventName": "PermissionRequest",
                ]
            ], exitCode: 0)
    }

    /// Cursor reads the verdict at exit code 0, and the model the text for the user.
    private func cursor(_ verdict: HookVerdict) -> HookAnswer {
        guard !verdict.isCleared else {
            return HookAnswer(out: ["permission": "allow"], exitCode: 0)
        }
        return HookAnswer(
            out: [
                "agent_message": .string(verdict.text), "permission": "deny",
                "user_message": .string(verdict.text),
            ], exitCode: 0)
    }

    private func gemini(_ verdict: HookVerdict) -> HookAnswer {
        guard !verdict.isCleared else {
            return HookAnswer(out: ["decision": "allow"], exitCode: 0)
        }
        return HookAnswer(
            out: ["decision": "deny", "reason": .string(verdict.text)], err: verdict.text,
            exitCode: 2)
    }
}

extension HookHost {
    /// What this host would do with a tool after an answer of its hook, by its vendor's description.
    ///
    /// It is the host's side of the contract, with everything that it lets through. Tests and
    /// `selftest` judge answers by it, instead of by what they were meant to say.
    /// - Parameters:
    ///   - exitCode: how the command ended; nil when it ran into the host's timeout.
    ///   - out: its standard output.
    ///   - err: its standard error.
    ///   - isFailClosed: Cursor's setting of the hook.
    ///   - isHeadless: Claude Code runs without a terminal; elsewhere it does not heed a deferral.
    /// - Returns: true when the tool does not run.
    public func blocks(
        exitCode: Int32?, out: [UInt8], err: [UInt8], isFailClosed: Bool, isHeadless: Bool = false
    ) -> Bool {
        let json = try? JSON(parsing: out)
        let specific = json?["hookSpecificOutput"]
        func named(_ name: String) -> Bool {
            specific?["hookEventName"]?.stringValue.map { $0.utf8.elementsEqual(name.utf8) }
                ?? false
        }
        func says(_ value: JSON?, _ word: String) -> Bool {
            value?.stringValue.map { $0.utf8.elementsEqual(word.utf8) } ?? false
        }
        let hasReason = err.contains { $0 > 0x20 }
        switch self {
        case .claudeCode:
            guard let exitCode else { return false }
            if exitCode == 2 { return true }
            guard named(beforeEvent) else { return false }
            return says(specific?["permissionDecision"], "deny")
                || isHeadless && says(specific?["permissionDecision"], "defer")
        case .codex:
            if exitCode == 2 { return hasReason }
            guard exitCode == 0, named(beforeEvent) else { return false }
            return says(specific?["permissionDecision"], "deny")
                && !(specific?["permissionDecisionReason"]?.stringValue ?? "").isEmpty
        case .cursor:
            if exitCode == 2 { return true }
            guard exitCode == 0, let json else { return isFailClosed }
            return says(json["permission"], "deny")
        case .gemini:
            if exitCode == 2 { return true }
            guard exitCode == 0 else { return false }
            return says(json?["decision"], "deny") || says(json?["decision"], "block")
        }
    }
}
