// SPDX-License-Identifier: Apache-2.0

/// A coding agent whose hooks this gate serves.
///
/// Each lets a command look at a tool call before it happens. Each also lets the call happen when
/// that command fails in most ways, so that an answer has to come in time and has to be one that
/// the host takes for a no. What is written here follows the vendors' descriptions; it was not run
/// against the vendors' programs.
public enum HookHost: String, Sendable, Hashable, CaseIterable {
    /// Claude Code of Anthropic.
    case claudeCode = "claude-code"
    /// Codex CLI of OpenAI.
    case codex
    /// Cursor of Anysphere.
    case cursor
    /// Gemini CLI of Google.
    case gemini

    /// What people call it.
    public var title: String {
        switch self {
        case .claudeCode: "Claude Code"
        case .codex: "Codex"
        case .cursor: "Cursor"
        case .gemini: "Gemini CLI"
        }
    }

    /// The event before a tool runs that settings name.
    public var beforeEvent: String {
        switch self {
        case .claudeCode, .codex: "PreToolUse"
        case .cursor: "preToolUse"
        case .gemini: "BeforeTool"
        }
    }

    /// The events after a tool ran that settings name.
    public var afterEvents: [String] {
        switch self {
        case .claudeCode: ["PostToolUse", "PostToolUseFailure"]
        case .codex: ["PostToolUse"]
        case .cursor: ["postToolUse", "postToolUseFailure"]
        case .gemini: ["AfterTool"]
        }
    }

    /// How many of its units of a timeout make a second.
    public var timeoutUnitsPerSecond: Int64 { self == .gemini ? 1_000 : 1 }

    /// How long the host waits for a hook whose settings do not say.
    ///
    /// The vendors of Codex and Cursor were not found to promise a number; the least of the others
    /// is taken.
    public var defaultTimeout: Duration { self == .claudeCode ? .seconds(600) : .seconds(60) }
}
