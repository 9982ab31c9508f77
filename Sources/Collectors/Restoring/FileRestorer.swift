// SPDX-License-Identifier: Apache-2.0

internal import CLinux
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
/// made against, and that what has to be put there is to be had. A file is replaced by renaming a
/// finished, synced copy over it: a crash leaves the old one or the new one.
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
                let text = "\(String(decoding: step.path, as: UTF8.self)): \(error)"
                return done == 0 ? .notStarted(text) : .failed("\(text); \(done) were put back")
            }
        }
        return .done("\(done) put back")
    }

    // MARK: checking

    private struct Step {
        let path: [UInt8]
        /// What is to be there; nil where nothing is.
        let wanted: JSON?
        let found: JSON?
        /// The bytes of a file, where they have to be written.
        let bytes: [UInt8]?

        var isDeletion: Bool { wanted == nil }
    }

    private func step(_ change: RemediationPlan.Change) throws -> Step {
        guard let path = FilePath.path(ofSubject: change.subject) else {
            throw RestoreError("not a file's name")
        }
        let found = look(change.subject)
        switch change.kind {
        case .create:
            guard found == nil else { throw RestoreError("something is there already") }
        case .delete, .edit:
            guard let found else { throw RestoreError("it is gone") }
            do {
                // The tests in front of the patch say what the plan was made against.
                _ = try JSONPatch(change.patch).applied(to: found)
            } catch {
                throw RestoreError("it is not what the plan was made against: \(error)")
            }
        }
        guard let wanted = change.document else {
            return Step(path: path, wanted: nil, found: found, bytes: nil)
        }
        return Step(
            path: path, wanted: wanted, found: found, bytes: try bytes(wanted, found))
    }

    /// The bytes to write, if the content differs.
    private func bytes(_ wanted: JSON, _ found: JSON?) throws -> [UInt8]? {
        try checkKind(wanted, found)
        guard wanted["type"]?.stringValue == "file", wanted["sha256"] != found?["sha256"] else {
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

    private func perform(_ step: Step) throws(RestoreError) {
        let place = try FilePlace(step.path)
        guard let wanted = step.wanted else {
            let isFolder = step.found?["type"]?.stringValue == "directory"
            guard unlinkat(place.folder, place.name, isFolder ? AT_REMOVEDIR : 0) == 0 else {
                throw .last("it can't be removed")
            }
            return
        }
        switch wanted["type"]?.stringValue {
        case "directory":
            if step.found == nil, mkdirat(place.folder, place.name, 0o700) != 0 {
                throw .last("it can't be made")
            }
            try setAttributes(place, wanted, flags: O_RDONLY | O_DIRECTORY)
        case "symlink": try link(place, wanted, step.found)
        default:
            if let bytes = step.bytes {
                try replace(place, bytes, wanted, isThere: step.found != nil)
            } else {
                try setAttributes(place, wanted, flags: O_RDONLY | O_NONBLOCK)
            }
        }
    }

    private func link(
        _ place: FilePlace, _ wanted: JSON, _ found: JSON?
    ) throws(RestoreError) {
        let target = String(
            decoding: FilePath.decoded(Array((wanted["target"]?.stringValue ?? "").utf8)),
            as: UTF8.self)
        if wanted["target"] != found?["target"] {
            let draft = ".\(place.name).exequatur"
            unlinkat(place.folder, draft, 0)
            guard symlinkat(target, place.folder, draft) == 0 else {
                throw .last("the link can't be made")
            }
            guard renameat(place.folder, draft, place.folder, place.name) == 0 else {
                throw .last("the link can't be put in place")
            }
        }
        guard let (user, group) = owner(wanted) else { return }
        guard fchownat(place.folder, place.name, user, group, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw .last("its owner can't be set")
        }
    }

    /// Crash order: the copy is complete and synced before it takes the name, and the folder is
    /// synced after; a crash before leaves a draft beside the old file.
    private func replace(
        _ place: FilePlace, _ bytes: [UInt8], _ wanted: JSON, isThere: Bool
    ) throws(RestoreError) {
        let draft = ".\(place.name).exequatur"
        unlinkat(place.folder, draft, 0)
        let file = openat(
            place.folder, draft, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .last("no file can be made beside it") }
        defer { close(file) }
        if isThere { try copyAttributes(place, to: file) }
        guard clinux_write(file, bytes, bytes.count) == 0 else {
            throw .last("it can't be written")
        }
        try setAttributes(of: file, wanted)
        guard fsync(file) == 0 else { throw .last("it can't be synced") }
        guard renameat(place.folder, draft, place.folder, place.name) == 0 else {
            throw .last("it can't be put in place")
        }
        let folder = openat(place.folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    /// Extended attributes are those that are there: others than the baseline's were refused.
    private func copyAttributes(
        _ place: FilePlace, to file: Int32
    ) throws(RestoreError) {
        let old = openat(place.folder, place.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard old >= 0 else { throw .last("it does not open") }
        defer { close(old) }
        var names = [UInt8](repeating: 0, count: 65_536)
        let count = clinux_attributes(old, 0, &names, names.count)
        guard count > 0 else { return }
        for name in names.prefix(count).split(separator: 0) {
            let text = String(decoding: name, as: UTF8.self)
            var value = [UInt8](repeating: 0, count: 65_536)
            let length = clinux_attribute(old, 0, text, &value, value.count)
            guard length >= 0, clinux_set_attribute(file, text, value, length) == 0 else {
                throw .last("its attribute `\(text)` can't be kept")
            }
        }
    }

    private func setAttributes(
        _ place: FilePlace, _ wanted: JSON, flags: Int32
    ) throws(RestoreError) {
        let file = openat(place.folder, place.name, flags | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { throw .last("it does not open") }
        defer { close(file) }
        try setAttributes(of: file, wanted)
    }

    /// The owner first: changing it takes the set-user-id bit away.
    private func setAttributes(of file: Int32, _ wanted: JSON) throws(RestoreError) {
        if let (user, group) = owner(wanted), fchown(file, user, group) != 0 {
            throw .last("its owner can't be set")
        }
        if let mode = wanted["mode"]?.stringValue.flatMap({ UInt32($0, radix: 8) }),
            fchmod(file, mode) != 0
        {
            throw .last("its mode can't be set")
        }
    }

    private func owner(_ wanted: JSON) -> (UInt32, UInt32)? {
        guard let user = wanted["uid"]?.intValue, let group = wanted["gid"]?.intValue else {
            return nil
        }
        return (UInt32(truncatingIfNeeded: user), UInt32(truncatingIfNeeded: group))
    }
}
