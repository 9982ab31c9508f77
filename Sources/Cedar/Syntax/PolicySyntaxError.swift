// SPDX-License-Identifier: Apache-2.0

/// One thing that is wrong with policy text.
public struct PolicySyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The source's name, where it has one.
    public let source: String?
    /// Where it is.
    public let span: SourceSpan
    /// One lowercase line: what is wrong, with input in backticks, and its cause after a colon.
    public let message: String
    /// What to do next, where there is more to say than the message does.
    public let hint: String?

    /// `name:line:column: message; hint`.
    public var description: String {
        let place = source.map { "\($0):\(span)" } ?? "\(span)"
        return "\(place): \(message)\(hint.map { "; \($0)" } ?? "")"
    }
}

/// Everything that is wrong with policy text, in the order of the text.
public struct PolicySyntaxErrors: Error, Sendable, Hashable, CustomStringConvertible {
    /// At least one error.
    public let errors: [PolicySyntaxError]
    /// Whether there are more errors than ``PolicyLimits/maximumErrors``.
    public let isTruncated: Bool

    /// One line for each error.
    public var description: String {
        errors.map(\.description).joined(separator: "\n")
    }
}

/// How much policy text is read.
public struct PolicyLimits: Sendable, Hashable {
    /// The length of all texts together in bytes; 8 MiB unless set.
    public var maximumBytes = 8 * 1024 * 1024
    /// The number of policies; 100,000 unless set.
    public var maximumPolicies = 100_000
    /// How deeply parentheses, braces, calls and attributes may nest; 100 unless set.
    ///
    /// Reading and evaluating recurse this deep. In a release build the default fits a thread
    /// with 512 KiB of stack more than twice.
    public var maximumDepth = 100
    /// The number of errors after which reading stops; 1,000 unless set.
    public var maximumErrors = 1_000

    /// The default limits.
    public init() {}
}
