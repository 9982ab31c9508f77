// SPDX-License-Identifier: Apache-2.0

/// What the process ends with; scripts and gates rely on these numbers.
enum ExitStatus: Int32, Sendable {
    /// Something else went wrong, or `verify` found a receipt invalid.
    case failure = 1
    /// `verify` could not decide: the receipt is incomplete, or its evidence indeterminate.
    case undecided = 2
    /// The command line is wrong (`EX_USAGE`).
    case usage = 64
    /// The server cannot be reached or is not ready (`EX_UNAVAILABLE`).
    case unavailable = 69
    /// The server understood and refused (`EX_NOPERM`).
    case refused = 77
}

/// A failure of a command, as the person at the terminal reads it.
///
/// The message is one lowercase line with inputs in backticks. `code` is the stable code of the
/// server's problem answer, where there was one.
struct CLIError: Error, Sendable {
    var message: String
    var code: String?
    var status: ExitStatus

    init(_ message: String, code: String? = nil, status: ExitStatus = .failure) {
        self.message = message
        self.code = code
        self.status = status
    }

    static func usage(_ message: String) -> CLIError { CLIError(message, status: .usage) }

    /// The line for standard error, safe for a terminal whatever the server sent.
    var line: String {
        let text = TerminalText.escaped(message)
        guard let code else { return "error: \(text)" }
        return "error: \(text) (\(TerminalText.escaped(code)))"
    }
}
