// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// The body of `action.submitted`: everything about an action that is not needed to derive its
/// state, and may be erased one day.
package struct SubmissionBody: Sendable, Hashable {
    package let action: Action
    /// `Verdict.bodyJSON`: the texts of the reasons and errors.
    package let texts: JSON
    /// What reviewers were shown, as stored; null where nobody was asked.
    ///
    /// It is read only where it is shown: most commands need no more of it than its digest.
    package let shown: JSON
    /// Persons who could have decided when the review was opened.
    package let eligible: [Handle]
    /// What an auditor samples: source address, authentication, software; free strings.
    package let audit: JSON

    package init(
        action: Action, texts: JSON, rendering: Rendering?, eligible: [Handle], audit: JSON
    ) {
        self.action = action
        self.texts = texts
        shown = rendering?.json ?? .null
        self.eligible = eligible
        self.audit = audit
    }

    /// Reads a stored body; an unknown member is refused.
    package init(_ json: JSON) throws {
        var reader = try JSONReader(json, path: "body")
        action = try Action(try reader.value("action"))
        texts = try reader.value("texts")
        shown = try reader.value("rendering")
        eligible = try reader.handles("eligible")
        audit = try reader.value("audit")
        try reader.finish()
    }

    /// The stored form, in canonical JSON.
    package func canonicalBytes() throws -> [UInt8] {
        var writer = CanonicalWriter(capacity: action.canonical.count + 1024)
        writer.beginObject()
        writer.key("action")
        // The very bytes that the action digest is of.
        writer.raw(action.canonical)
        writer.key("audit")
        try writer.value(audit)
        writer.key("eligible")
        writer.handles(eligible)
        writer.key("rendering")
        try writer.value(shown)
        writer.key("texts")
        try writer.value(texts)
        writer.endObject()
        return writer.bytes
    }

    /// The stored form as a value, for those who look into it.
    package var json: JSON {
        get throws { try JSON(canonical: try canonicalBytes(), limits: Limits.storedJSON) }
    }

    /// What reviewers were shown, read; one with another digest than its own is refused.
    package func rendering() throws -> Rendering? {
        shown == .null ? nil : try Rendering(shown)
    }

    /// The digest of what reviewers were shown.
    package var renderingDigest: Hash256? {
        shown["digest"]?.stringValue.flatMap { Hash256(hex: $0) }
    }

    /// True if reviewers were shown everything.
    package var isShownInFull: Bool { shown["complete"]?.boolValue ?? false }
}
