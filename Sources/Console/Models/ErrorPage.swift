// SPDX-License-Identifier: Apache-2.0

/// A page that says what went wrong and what to do next.
public struct ErrorPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// HTTP status.
    public var status: Int
    /// What went wrong, in a few words.
    public var title: String
    /// One or two sentences: why, and what to do next.
    public var detail: String
    /// Stable code of the problem.
    public var code: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(shell: ConsoleShell, status: Int, title: String, detail: String, code: String) {
        self.shell = shell
        self.status = status
        self.title = title
        self.detail = detail
        self.code = code
    }
}
