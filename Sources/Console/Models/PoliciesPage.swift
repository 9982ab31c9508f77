// SPDX-License-Identifier: Apache-2.0

/// The policy set in force, read-only.
public struct PoliciesPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// Digest of the set, hex.
    public var digest: String
    /// When it was published.
    public var publishedAt: ConsoleInstant
    /// Who published it.
    public var publishedBy: String
    /// Ledger index of its publication.
    public var index: Int?
    /// Number of policies.
    public var policyCount: Int
    /// Its files, in order.
    public var files: [PolicyFile]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, digest: String, publishedAt: ConsoleInstant, publishedBy: String,
        index: Int?, policyCount: Int, files: [PolicyFile]
    ) {
        self.shell = shell
        self.digest = digest
        self.publishedAt = publishedAt
        self.publishedBy = publishedBy
        self.index = index
        self.policyCount = policyCount
        self.files = files
    }
}

/// One file of a policy set.
public struct PolicyFile: Sendable, Hashable {
    /// File name.
    public var name: String
    /// Cedar text, verbatim.
    public var text: String

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}
