// SPDX-License-Identifier: Apache-2.0

/// The ledger: its signed checkpoint and its entries.
public struct LedgerPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// Origin line of the log.
    public var origin: String
    /// Number of entries under the checkpoint.
    public var size: Int
    /// Root hash under the checkpoint, hex.
    public var root: String
    /// Public key of the log as a `vkey` line.
    public var verifierKey: String
    /// The signed note, verbatim.
    public var checkpoint: String
    /// Names of the witnesses that cosigned it; empty means that a rollback would go unseen.
    public var witnesses: [String]
    /// Entries, newest first.
    public var entries: [LedgerRow]
    /// Index to continue from towards the beginning.
    public var older: Int?
    /// Index to continue from towards the end.
    public var newer: Int?
    /// Index that was asked for.
    public var sought: Int?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, origin: String, size: Int, root: String, verifierKey: String,
        checkpoint: String, witnesses: [String], entries: [LedgerRow], older: Int?, newer: Int?,
        sought: Int?
    ) {
        self.shell = shell
        self.origin = origin
        self.size = size
        self.root = root
        self.verifierKey = verifierKey
        self.checkpoint = checkpoint
        self.witnesses = witnesses
        self.entries = entries
        self.older = older
        self.newer = newer
        self.sought = sought
    }
}

/// One ledger entry.
public struct LedgerRow: Sendable, Hashable {
    /// Ledger index.
    public var index: Int
    /// Recorded time.
    public var at: ConsoleInstant
    /// Entry kind.
    public var kind: String
    /// What the entry is about.
    public var ref: String
    /// True if `ref` is an action id, which becomes a link.
    public var isAction: Bool
    /// Position in the chain of `ref`.
    public var seq: Int
    /// Leaf hash, hex.
    public var leafHash: String
    /// Whether the body is there.
    public var body: Body

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        index: Int, at: ConsoleInstant, kind: String, ref: String, isAction: Bool, seq: Int,
        leafHash: String, body: Body
    ) {
        self.index = index
        self.at = at
        self.kind = kind
        self.ref = ref
        self.isAction = isAction
        self.seq = seq
        self.leafHash = leafHash
        self.body = body
    }

    /// Whether the erasable half of an entry is still there.
    public enum Body: String, Sendable, Hashable { case present, erased, missing }
}
