// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import TransparencyLog

/// One field of one subject that is not as it is expected to be.
package struct Deviation: Sendable, Hashable {
    package enum Operation: String, Sendable, Hashable, CaseIterable {
        case add, remove, replace, retype, reorder
    }

    package let source: Handle
    package let scope: String
    package let subject: String
    /// Where in the document, by keys rather than numbers where a list has keys; empty where the
    /// whole subject was added or removed.
    package let path: KeyPath
    /// The same place in the live document, or in the expected one where it was removed.
    package let pointer: JSONPointer
    package let operation: Operation
    /// What was expected; nil for an addition.
    ///
    /// Secrets are digests.
    package let before: JSON?
    /// What was found; nil for a removal.
    package let after: JSON?

    package init(
        source: Handle, scope: String, subject: String, path: KeyPath, pointer: JSONPointer,
        operation: Operation, before: JSON?, after: JSON?
    ) {
        self.source = source
        self.scope = scope
        self.subject = subject
        self.path = path
        self.pointer = pointer
        self.operation = operation
        self.before = before
        self.after = after
    }

    /// Names the place across observations: SHA-256 over source, subject and key path.
    ///
    /// The value is not part of it, so that a value that moves on is the same episode.
    package var fingerprint: Hash256 {
        var writer = CanonicalWriter(capacity: 256)
        writer.beginObject()
        writer.key("path")
        writer.string(path.description)
        writer.key("source")
        writer.string(source.text)
        writer.key("subject")
        writer.string(subject)
        writer.endObject()
        return .sha256(Array("exequatur/v1/deviation\n".utf8) + writer.bytes)
    }
}
