// SPDX-License-Identifier: Apache-2.0

/// Whether the set-up phase is over, and what it takes to end it.
public struct SealPage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// When and by whom it was sealed, once it is.
    public var seal: Seal?
    /// What keeps it from being sealed, in sentences.
    public var obstacles: [String]
    /// The open question.
    public var question: Question?
    /// What was sealed, or is asked.
    public var manifest: ManifestCard?

    /// How it was sealed.
    public struct Seal: Sendable, Hashable {
        /// When.
        public var at: ConsoleInstant
        /// Who confirmed.
        public var by: [ConsolePersonName]
        /// How often the recovery key was used since.
        public var recoveries: Int

        /// Creates the value from all of its members; none has a default.
        public init(at: ConsoleInstant, by: [ConsolePersonName], recoveries: Int) {
            self.at = at
            self.by = by
            self.recoveries = recoveries
        }
    }

    /// The question whether to seal.
    public struct Question: Sendable, Hashable {
        /// Who asked.
        public var by: ConsolePersonName
        /// Who confirmed it already.
        public var confirmed: [ConsolePersonName]
        /// How many have to.
        public var needed: Int
        /// False where something has changed since it was asked.
        public var isCurrent: Bool
        /// True if the viewer may confirm it now.
        public var mayConfirm: Bool
        /// Why not, one sentence.
        public var obstacle: String?

        /// Creates the value from all of its members; none has a default.
        public init(
            by: ConsolePersonName, confirmed: [ConsolePersonName], needed: Int, isCurrent: Bool,
            mayConfirm: Bool, obstacle: String?
        ) {
            self.by = by
            self.confirmed = confirmed
            self.needed = needed
            self.isCurrent = isCurrent
            self.mayConfirm = mayConfirm
            self.obstacle = obstacle
        }
    }

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        shell: ConsoleShell, seal: Seal?, obstacles: [String], question: Question?,
        manifest: ManifestCard?
    ) {
        self.shell = shell
        self.seal = seal
        self.obstacles = obstacles
        self.question = question
        self.manifest = manifest
    }
}

/// Everything that decides from the seal on, readably.
public struct ManifestCard: Sendable, Hashable {
    /// Its digest, 64 hex digits: what is confirmed.
    public var digest: String
    /// People; their groups are in `groups`.
    public var people: [Person]
    /// Agents with their owners.
    public var agents: [Pair]
    /// Groups with their members.
    public var groups: [Pair]
    /// Gates.
    public var gates: [String]
    /// Tokens, one line each.
    public var tokens: [Pair]
    /// What else decides: the catalogue, freeze windows, accounts of chats, trusts.
    public var others: [Pair]
    /// Digest of the policy set, hex.
    public var policySet: String
    /// Public key of the log.
    public var logKey: String
    /// Public half of the key for recovery.
    public var recoveryKey: String

    /// A person with what he shows to be himself.
    public struct Person: Sendable, Hashable {
        /// Who.
        public var name: ConsolePersonName
        /// True for an administrator.
        public var isAdministrator: Bool
        /// Passkeys and accounts, one line each.
        public var credentials: [String]

        /// Creates the value from all of its members; none has a default.
        public init(name: ConsolePersonName, isAdministrator: Bool, credentials: [String]) {
            self.name = name
            self.isAdministrator = isAdministrator
            self.credentials = credentials
        }
    }

    /// A name and what belongs to it.
    public struct Pair: Sendable, Hashable {
        /// The name.
        public var name: String
        /// What belongs to it.
        public var text: String

        /// Creates the value from all of its members; none has a default.
        public init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(
        digest: String, people: [Person], agents: [Pair], groups: [Pair], gates: [String],
        tokens: [Pair], others: [Pair], policySet: String, logKey: String,
        recoveryKey: String
    ) {
        self.digest = digest
        self.people = people
        self.agents = agents
        self.groups = groups
        self.gates = gates
        self.tokens = tokens
        self.others = others
        self.policySet = policySet
        self.logKey = logKey
        self.recoveryKey = recoveryKey
    }
}
