// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import TransparencyLog

/// The core of an entry about one source: something was observed, or a person decided.
///
/// It commits to the state of the source after it, by digest; the state itself is stored beside
/// the ledger, and what does not have this digest is not believed.
package struct DriftEntry: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// An observation that changed something, or the first in an hour.
        case observed = "drift.observed"
        /// A baseline was approved, deviations were accepted or acknowledged.
        case decided = "drift.decided"
    }

    package let kind: Kind
    package let source: Handle
    /// The source's settings by which it was seen.
    package let specification: Hash256
    /// The state after it.
    package let state: Hash256
    /// The root of the baseline after it, and of what was seen; nil where there is none.
    package let baseline: Hash256?
    package let observed: Hash256?
    /// What happened, in short: counts of verdicts, or what was decided.
    package let summary: JSON
    /// The observer, or who decided.
    package let by: String
    package let unsealed: Bool

    package init(
        kind: Kind, source: Handle, specification: Hash256, state: Hash256, baseline: Hash256?,
        observed: Hash256?, summary: JSON, by: String, unsealed: Bool
    ) {
        self.kind = kind
        self.source = source
        self.specification = specification
        self.state = state
        self.baseline = baseline
        self.observed = observed
        self.summary = summary
        self.by = by
        self.unsealed = unsealed
    }

    /// The chain of a source's entries.
    package static func ref(_ source: Handle) -> String { "drift.\(source)" }

    /// Reads a core; an unknown version, kind or member is refused.
    package init(core: JSON) throws {
        var reader = try JSONReader(core, path: "core")
        guard try reader.int("v") == 1 else { throw DriftError("`core.v`: unknown version") }
        kind = try reader.choice("kind", Kind.self)
        source = try reader.handle("source")
        specification = try reader.hash("specification")
        state = try reader.hash("state")
        baseline = try reader.optionalHash("baseline")
        observed = try reader.optionalHash("observed")
        summary = try reader.value("summary")
        by = try reader.string("by")
        unsealed = try reader.bool("unsealed")
        try reader.finish()
    }

    package var core: JSON {
        [
            "baseline": .optional(baseline?.hex), "by": .string(by),
            "kind": .string(kind.rawValue), "observed": .optional(observed?.hex),
            "source": .string(source.text), "specification": .string(specification.hex),
            "state": .string(state.hex), "summary": summary, "unsealed": .bool(unsealed), "v": 1,
        ]
    }
}
