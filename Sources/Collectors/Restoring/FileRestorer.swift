// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import DriftCore
internal import Foundation
internal import TransparencyLog

/// What carrying a plan out came to.
package enum RemediationResult: Sendable, Hashable {
    case done(String?)
    /// Nothing was touched.
    case notStarted(String)
    /// Some of it may have happened.
    case failed(String)
}

/// Puts files and folders back as a plan says.
///
/// Everything is checked before anything is touched: that each subject still is what the plan was
/// made against, and that what has to be put there is to be had.
package struct FileRestorer: Sendable {
    private let contents: FileContents
    private let look: @Sendable (String) -> JSON?

    /// - Parameters:
    ///   - contents: where copies are kept.
    ///   - look: the document of a subject now; nil where there is none.
    package init(contents: FileContents, look: @escaping @Sendable (String) -> JSON?) {
        self.contents = contents
        self.look = look
    }

    package func carryOut(_ plan: RemediationPlan) -> RemediationResult {
        var steps: [Step] = []
        for change in plan.changes {
            do {
                steps.append(try step(change))
            } catch {
                return .notStarted("\(change.subject): \(error)")
            }
        }
        var done = 0
        // Folders before what goes into them, and what is in folders before they go.
        let ordered =
            steps.filter { !$0.isDeletion }
            + steps.filter(\.isDeletion).sorted { $0.path.count > $1.path.count }
        for step in ordered {
            do {
                try perform(step)
                done += 1
            } catch {
                // Of this one, too, some may have happened.
                return .failed("\(step.subject): \(error); \(done) were put back before it")
            }
        }
        return .done("\(done) put back")
    }

    // MARK: checking

    private struct Step {
        let subject: String
        let path: [UInt8]
        /// What is to be there; nil where nothing is.
        let wanted: JSON?
        let found: JSON?
        /// The bytes of a file, where they have to be written.
        let bytes: [UInt8]?
        /// What is to be set of a file or folder.
        let attributes: FileReplacement.Attributes

        var isDeletion: Bool { wanted == nil }
    }

    private func step(_ change: RemediationPlan.Change) throws -> Step {
        guard let path = FilePath.path(ofSubject: change.subject) else {
            throw RestoreError("not a file's name")
        }
        let found = look(change.subject)
        try change.check(against: found)
        let wanted = change.document
        let attributes = try FileReplacement.Attributes(wanted ?? [:])
        if let wanted {
            try checkKind(wanted, found)
            if found == nil, wanted["type"]?.stringValue != "symlink", !attributes.areComplete {
                throw RestoreError(
                    "its mode and owner are not part of the baseline: make it by hand")
            }
        }
        return Step(
            subject: change.subject, path: path, wanted: wanted, found: found,
            bytes: try wanted.flatMap { try bytes($0, found) }, attributes: attributes)
    }

    /// The bytes to write, if the content differs.
    private func bytes(_ wanted: JSON, _ found: JSON?) throws -> [UInt8]? {
        guard wanted["type"]?.stringValue == "file" else { return nil }
        guard wanted["sha256"] != found?["sha256"] else {
            guard wanted["content"] == found?["content"] else {
                throw RestoreError("a field alone is not restored: name the file's /sha256 too")
            }
            return nil
        }
        guard let digest = wanted["sha256"]?.stringValue.flatMap(Hash256.init(hex:)) else {
            throw RestoreError("the baseline has only a keyed digest of it: restore it by hand")
        }
        guard let bytes = contents.bytes(digest) else {
            throw RestoreError(
                "no copy of what it was is kept here: restore it by hand, and it is seen")
        }
        return bytes
    }

    private func checkKind(_ wanted: JSON, _ found: JSON?) throws {
        let kind = wanted["type"]?.stringValue ?? ""
        guard ["file", "directory", "symlink"].contains(kind) else {
            throw RestoreError("`\(kind)` is not restored: do it by hand")
        }
        if let found, found["type"] != wanted["type"] {
            throw RestoreError("something of another kind is in its place: take it away by hand")
        }
        for name in ["xattrs", "acl", "defaultAcl", "capabilities"]
        where wanted[name] != found?[name] {
            throw RestoreError("`\(name)` is not restored: do it by hand")
        }
    }

    // MARK: doing

    private func perform(_ step: Step) throws {
        let place = try FilePlace(step.path)
        let isFolder = (step.wanted ?? step.found)?["type"]?.stringValue == "directory"
        // Once more, directly before the act; what is in a folder may be what was just put back.
        func confirm() throws(RestoreError) {
            guard isFolder || look(step.subject) == step.found else {
                throw RestoreError("it changed just now: make a new plan")
            }
        }
        guard let wanted = step.wanted else {
            try confirm()
            guard unlinkat(place.folder, place.name, isFolder ? AT_REMOVEDIR : 0) == 0 else {
                throw RestoreError.last("it can't be removed")
            }
            return
        }
        let replacement = FileReplacement(place, isThere: step.found != nil, confirm: confirm)
        switch wanted["type"]?.stringValue {
        case "directory": try replacement.folder(step.attributes)
        case "symlink":
            let isOther = wanted["target"] != step.found?["target"]
            try replacement.link(
                to: isOther ? wanted["target"]?.stringValue ?? "" : nil, step.attributes)
        default:
            if let bytes = step.bytes {
                try replacement.file(bytes, step.attributes)
            } else {
                try replacement.setAttributes(step.attributes, of: .file)
            }
        }
    }
}
