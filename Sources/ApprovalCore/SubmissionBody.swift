// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// The body of `action.submitted`: everything about an action that is not needed to derive its
/// state, and may be erased one day.
package struct SubmissionBody: Sendable, Hashable {
    package let action: Action
    /// `Verdict.bodyJSON`: the texts of the reasons and errors.
    package let texts: JSON
    /// What reviewers were shown; nil where nobody was asked.
    package let rendering: Rendering?
    /// Persons who could have decided when the review was opened.
    package let eligible: [Handle]
    /// What an auditor samples: source address, authentication, software; free strings.
    package let audit: JSON

    package init(
        action: Action, texts: JSON, rendering: Rendering?, eligible: [Handle], audit: JSON
    ) {
        self.action = action
        self.texts = texts
        self.rendering = rendering
        self.eligible = eligible
        self.audit = audit
    }

    /// Reads a stored body; an unknown member or a rendering with another digest is refused.
    package init(_ json: JSON) throws {
        var reader = try JSONReader(json, path: "body")
        action = try Action(try reader.value("action"))
        texts = try reader.value("texts")
        let shown = try reader.value("rendering")
        rendering = shown == .null ? nil : try Rendering(shown)
        eligible = try reader.handles("eligible")
        audit = try reader.value("audit")
        try reader.finish()
    }

    package var json: JSON {
        [
            "action": action.json, "audit": audit, "eligible": .handles(eligible),
            "rendering": rendering?.json ?? .null, "texts": texts,
        ]
    }
}
