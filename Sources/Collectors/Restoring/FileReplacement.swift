// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CanonicalJSON
internal import Foundation
internal import TransparencyLog

/// Puts one thing into one place.
///
/// A file or link is replaced by renaming a finished copy over it, and one that is missing appears
/// as a finished copy under its name, never over something that came meanwhile. Crash order: the
/// copy is complete and synced before it takes the name, and the folder is synced after; a crash
/// before leaves the old one and a draft beside it, which the next attempt takes away.
struct FileReplacement {
    private let place: FilePlace
    private let isThere: Bool
    /// Throws where what is there is no longer what it was.
    private let confirm: () throws(RestoreError) -> Void
    private let draft: String

    init(
        _ place: FilePlace, isThere: Bool, confirm: @escaping () throws(RestoreError) -> Void
    ) {
        self.place = place
        self.isThere = isThere
        self.confirm = confirm
        // Short, whatever the name's length.
        draft = ".exequatur-" + Hash256.sha256(Array(place.name.utf8)).hex.prefix(16)
    }

    /// Owner and mode, as far as a baseline has them.
    struct Attributes {
        var owner: (user: UInt32, group: UInt32)?
        var mode: UInt32?

        /// - Throws: ``RestoreError`` for what is no owner or mode.
        init(_ document: JSON) throws(RestoreError) {
            if let user = document["uid"], let group = document["gid"] {
                guard let user = user.intValue.flatMap(UInt32.init(exactly:)),
                    let group = group.intValue.flatMap(UInt32.init(exactly:))
                else { throw RestoreError("the baseline's owner is none: accept it by hand") }
                owner = (user, group)
            }
            if let text = document["mode"] {
                guard let bits = text.stringValue.flatMap({ UInt32($0, radix: 8) }), bits <= 0o7777
                else { throw RestoreError("the baseline's mode is none: accept it by hand") }
                mode = bits
            }
        }

        var areComplete: Bool { owner != nil && mode != nil }
    }

    enum Kind {
        case file, folder

        fileprivate var flags: Int32 {
            self == .file ? O_RDONLY | O_NONBLOCK : O_RDONLY | O_DIRECTORY
        }
        fileprivate var bits: UInt32 { UInt32(self == .file ? S_IFREG : S_IFDIR) }
    }

    // MARK: files

    /// A file with these bytes; what the baseline does not say of it stays as it was.
    func file(_ bytes: [UInt8], _ attributes: Attributes) throws(RestoreError) {
        unlinkat(place.folder, draft, 0)
        let file = openat(
            place.folder, draft, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .last("no file can be made beside it") }
        defer {
            close(file)
            // Nothing, once it has the name.
            unlinkat(place.folder, draft, 0)
        }
        guard clinux_write(file, bytes, bytes.count) == 0 else {
            throw .last("it can't be written")
        }
        var attributes = attributes
        if isThere {
            let old = try open(.file)
            defer { close(old) }
            attributes.fill(from: try look(old, .file))
            try attributes.setOwner(of: file)
            try copyAttributes(from: old, to: file)
        } else {
            try attributes.setOwner(of: file)
        }
        // Last, for a new owner takes the set-user-id bit away, and a list of access the mode.
        try attributes.setMode(of: file)
        guard fsync(file) == 0 else { throw .last("it can't be synced") }
        try confirm()
        try putDraft()
        syncFolder()
    }

    private func putDraft() throws(RestoreError) {
        if isThere {
            guard renameat(place.folder, draft, place.folder, place.name) == 0 else {
                throw .last("it can't be put in place")
            }
        } else {
            guard linkat(place.folder, draft, place.folder, place.name, 0) == 0 else {
                throw .last("it can't be put in place")
            }
        }
    }

    private func syncFolder() {
        let folder = openat(place.folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }

    /// Extended attributes are those that are there: others than the baseline's were refused.
    private func copyAttributes(from old: Int32, to file: Int32) throws(RestoreError) {
        var names = [UInt8](repeating: 0, count: 65_536)
        let count = clinux_attributes(old, 0, &names, names.count)
        if count == -Int(ENOTSUP) || count == -Int(ENOSYS) { return }
        guard count >= 0 else {
            throw RestoreError("its attributes can't be read: \(OpenFolder.failure(Int32(count)))")
        }
        for name in names.prefix(count).split(separator: 0) {
            guard let text = String(validating: name, as: UTF8.self) else {
                throw RestoreError("it has an attribute without a name in UTF-8")
            }
            var value = [UInt8](repeating: 0, count: 65_536)
            let length = clinux_attribute(old, 0, text, &value, value.count)
            guard length >= 0, clinux_set_attribute(file, text, value, length) == 0 else {
                throw RestoreError("its attribute `\(text)` can't be kept")
            }
        }
    }

    // MARK: folders and links

    /// A folder with these attributes.
    func folder(_ attributes: Attributes) throws(RestoreError) {
        if !isThere, mkdirat(place.folder, place.name, 0o700) != 0 {
            throw .last("it can't be made")
        }
        try setAttributes(attributes, of: .folder)
        syncFolder()
    }

    /// A link to a target as subjects write it, or the one that is there where that is nil.
    func link(to target: String?, _ attributes: Attributes) throws(RestoreError) {
        if let target {
            guard
                let path = String(
                    validating: FilePath.decoded(Array(target.utf8)), as: UTF8.self),
                !path.isEmpty, !path.utf8.contains(0)
            else { throw RestoreError("its target is no text in UTF-8: make it by hand") }
            if isThere {
                try replaceLink(path)
            } else if symlinkat(path, place.folder, place.name) != 0 {
                throw .last("the link can't be made")
            }
        } else {
            try confirm()
        }
        if let (user, group) = attributes.owner,
            fchownat(place.folder, place.name, user, group, AT_SYMLINK_NOFOLLOW) != 0
        {
            throw .last("its owner can't be set")
        }
        syncFolder()
    }

    private func replaceLink(_ path: String) throws(RestoreError) {
        unlinkat(place.folder, draft, 0)
        guard symlinkat(path, place.folder, draft) == 0 else {
            throw .last("the link can't be made")
        }
        defer { unlinkat(place.folder, draft, 0) }
        try confirm()
        try putDraft()
    }

    // MARK: attributes

    /// Sets them of what is there, which must be of that kind and, if a file, have one name: what
    /// has two would change elsewhere, too.
    func setAttributes(_ attributes: Attributes, of kind: Kind) throws(RestoreError) {
        let file = try open(kind)
        defer { close(file) }
        let found = try look(file, kind)
        guard kind == .folder || found.links == 1 else {
            throw RestoreError("it has \(found.links) names: see to all of them by hand")
        }
        try confirm()
        // What is under the name was looked at while this one was open: it must be this one.
        var named = clinux_entry()
        let now = try look(file, kind)
        guard clinux_look_at(place.folder, place.name, &named) == 0,
            named.device == found.device, named.inode == found.inode,
            now.changed == found.changed
        else { throw RestoreError("it was exchanged just now: make a new plan") }
        try attributes.setOwner(of: file)
        try attributes.setMode(of: file)
    }

    private func open(_ kind: Kind) throws(RestoreError) -> Int32 {
        let file = openat(place.folder, place.name, kind.flags | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { throw .last("it does not open") }
        return file
    }

    private func look(_ file: Int32, _ kind: Kind) throws(RestoreError) -> clinux_entry {
        var found = clinux_entry()
        guard clinux_look_open(file, &found) == 0 else {
            throw RestoreError("it can't be looked at")
        }
        guard found.mode & UInt32(S_IFMT) == kind.bits else {
            throw RestoreError("it is of another kind now: make a new plan")
        }
        return found
    }
}

extension FileReplacement.Attributes {
    /// What the baseline does not say stays as it is.
    fileprivate mutating func fill(from found: clinux_entry) {
        if owner == nil { owner = (found.owner, found.group) }
        if mode == nil { mode = found.mode & 0o7777 }
    }

    fileprivate func setOwner(of file: Int32) throws(RestoreError) {
        if let (user, group) = owner, fchown(file, user, group) != 0 {
            throw .last("its owner can't be set")
        }
    }

    fileprivate func setMode(of file: Int32) throws(RestoreError) {
        if let mode, fchmod(file, mode) != 0 { throw .last("its mode can't be set") }
    }
}
