// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// Every limit of the core in one place, each with its reason.
package enum Limits {
    /// An entry must fit the 16-bit length of a tlog-tiles entry bundle.
    package static let leafBytes = 65_535
    /// A frozen action: large enough for a script and its inputs, small enough to show and keep.
    package static let actionBytes = 1_048_576
    /// One core: a requirement with many slots and reasons stays far below this.
    package static let coreBytes = 262_144
    /// A reviewer's reason or an agent's justification; longer text belongs in a ticket.
    package static let reasonBytes = 4096
    /// Identifiers appear in URLs, tables and policies.
    package static let identifierBytes = 64
    /// A review may stay open this long, and so may a grant.
    package static let longestSpanSeconds: Int64 = 30 * 86_400
    /// Groups that one review may demand; the matching below is cubic at worst.
    package static let slotGroups = 16
    /// Times at which one policy asks further groups.
    package static let escalations = 4
    /// How long somebody who broke the glass waits at most until another one must have looked at it.
    package static let debtSeconds: Int64 = 86_400
    /// How long what a passkey is asked to sign may be signed.
    package static let signatureSeconds: Int64 = 300
    /// Lines of the resource catalogue, freeze windows, and passkeys and accounts of one person.
    package static let resources = 1000
    package static let freezes = 64
    package static let passkeysOfPerson = 16
    /// Comments and questions about one action: a longer conversation belongs elsewhere.
    package static let comments = 50
    /// Persons that one group may demand.
    package static let quorum: Int64 = 16
    /// What a reviewer can take in on one page; beyond it nothing can be approved there.
    package static let renderedBytes = 262_144
    /// Once a chain has so many entries, further attempts that are refused are only counted: a
    /// reviewed action has a few dozen at most, and each command reads all of its chain.
    package static let chainEntries: UInt64 = 128
    /// A claim must be begun within this many seconds of the gate's request.
    package static let startBySeconds: Int64 = 30
    /// Effects that one action declares; a reviewer has to read them.
    package static let effects = 256
    /// What a gate saw of all effects of one action; a core holds it.
    package static let observedEffectBytes = 131_072
    /// A repeated request for an operation denied this recently is answered with that denial.
    package static let denialMemorySeconds: Int64 = 600
    /// A gate that claimed and stays silent this long leaves an unknown outcome.
    package static let heartbeatSeconds: Int64 = 90
    /// The body of an entry: what a gate presented, with the schema that was made of it.
    package static let bodyBytes = 6 * actionBytes
    /// Tools behind one gate; as many as a manifest may have.
    package static let gateTools = 1000
    /// The name of a tool: what the Model Context Protocol recommends.
    package static let toolNameBytes = 128
    /// The definition of one tool, or the configuration of a gate; nobody reads more.
    package static let definitionBytes = 65_536
    /// Everything that a gate presents at once; an entry's body holds it.
    package static let presentationBytes = 4 * actionBytes
    /// Trusts of all agents together: every one is in the directory, which each receipt carries.
    package static let trusts = 256
    /// Claims that one trust matches.
    package static let trustClaims = 16
    /// An audience, or the value of a claim; those of GitHub have a few hundred bytes at most.
    package static let claimBytes = 1024
    /// The address of an issuer.
    package static let issuerBytes = 512
    /// The longest life of a token that was handed out in exchange: a job that goes on for longer
    /// asks again.
    package static let workloadTokenSeconds: Int64 = 3600
    /// A receipt of one action with its policies and directory.
    package static let receiptBytes = 64 * 1_048_576
    /// What the ledger stored may be larger and deeper than what a client may send: a body wraps
    /// the action, a receipt wraps bodies.
    package static let storedJSON = JSONLimits(
        maximumBytes: receiptBytes, maximumDepth: 96, maximumMembers: 10_000,
        maximumValues: 4_000_000)
    /// Files of a policy set.
    package static let policyFiles = 256
    /// Declarations in the schemas of a set; each action is tried for each policy.
    package static let schemaDeclarations = 10_000
    /// Policies times combinations of action, principal and resource: a second of work or two.
    package static let policyCombinations = 1_000_000
    /// Expressions that validation looks at for a whole set, and at least for each policy.
    package static let policySteps = 20_000_000
    package static let leastPolicySteps = 20_000
    /// Mistakes of one policy that are reported.
    package static let policyErrors = 100
    /// The grant of an action that policy allows without a review.
    package static let allowedGrantSeconds: Int64 = 600
    /// How long before its entry a verdict may have been made.
    package static let evaluationAgeSeconds: Int64 = 60
}
