// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CanonicalJSON
internal import Crypto
internal import ExequaturClient
internal import Facts
internal import Foundation
internal import TransparencyLog

/// Who sees what a gate found when it froze a command, before anybody approved it.
///
/// Freezing reads files and variables with the gate's rights, and whoever asked sees the action
/// that comes of it. Where the two are different accounts, asking for `sh ~/.pgpass` would be a way
/// to read it. So what the one who asks cannot read by himself is not shown: it goes into the
/// operation by a keyed digest, which binds it just as well.
package struct CommandAudience: Sendable {
    private enum Kind {
        /// The gate's own account.
        case own
        /// Another account of this machine.
        case account(user: UInt32, group: UInt32)
        /// Somebody elsewhere: he sees what is in these folders, and what comes with the system.
        case remote(folders: [String])
    }

    private let kind: Kind
    /// Variables whose values may be shown, beyond those that nobody hides.
    private let variables: Set<String>

    /// The gate's own account, which could look for itself.
    package static let own = CommandAudience(kind: .own, variables: [])

    /// Another account of this machine.
    package static func account(
        user: UInt32, group: UInt32, variables: Set<String>
    ) -> CommandAudience {
        CommandAudience(kind: .account(user: user, group: group), variables: variables)
    }

    /// Somebody elsewhere.
    /// - Parameters:
    ///   - folders: canonical paths of folders whose files may be shown.
    ///   - variables: names of variables whose values may be shown.
    /// - Returns: the audience.
    package static func remote(folders: [String], variables: Set<String>) -> CommandAudience {
        CommandAudience(kind: .remote(folders: folders), variables: variables)
    }

    var isOwn: Bool {
        if case .own = kind { true } else { false }
    }

    /// Whether a variable's value may be shown; what looks like a secret never is.
    func mayRead(variable name: String) -> Bool {
        isOwn || EnvironmentRules.isHarmless(name)
            || variables.contains { $0.utf8.elementsEqual(name.utf8) }
    }

    /// Whether a file may be shown, by the mode of the file and of all folders on its way.
    ///
    /// Only the nine bits are looked at: a list of rights that gives more is not seen.
    func mayRead(_ file: OpenFile) -> Bool {
        if isOwn { return true }
        // A folder on the way could have been exchanged for a link after the path was resolved.
        guard file.descriptor.realPath()?.utf8.elementsEqual(file.path.utf8) == true else {
            return false
        }
        switch kind {
        case .own: return true
        case .account(let user, let group):
            guard Self.allows(file.identity, user, group, read: true) else { return false }
            return FolderChain.allSatisfy(above: file.path) {
                Self.allows($0, user, group, read: false)
            }
        case .remote(let folders):
            if folders.contains(where: { FolderChain.isBelow(file.path, $0) }) { return true }
            return file.identity.mode & 0o004 != 0 && ExecutablePlace.isSystem(file.path)
                && SystemScript.isOutOfReach(file.path)
        }
    }

    private static func allows(
        _ found: clinux_identity, _ user: UInt32, _ group: UInt32, read: Bool
    ) -> Bool {
        if user == 0 { return true }
        let bit: UInt32 = read ? 4 : 1
        if found.owner == user { return found.mode & (bit << 6) != 0 }
        if found.group == group { return found.mode & (bit << 3) != 0 }
        return found.mode & bit != 0
    }
}

/// The folders that lead to something.
enum FolderChain {
    /// Whether all folders above a canonical path have a property; one that cannot be looked at has
    /// not.
    static func allSatisfy(above path: String, _ property: (clinux_identity) -> Bool) -> Bool {
        var current = path
        while current != "/" {
            guard let cut = current.utf8.lastIndex(of: UInt8(ascii: "/")) else { return false }
            current = cut == current.startIndex ? "/" : String(current[..<cut])
            var found = clinux_identity()
            guard clinux_look(current, 0, &found) == 0,
                found.mode & UInt32(S_IFMT) == UInt32(S_IFDIR), property(found)
            else { return false }
        }
        return true
    }

    /// Whether a canonical path is a folder or something in it, however deep.
    static func isBelow(_ path: String, _ folder: String) -> Bool {
        if path.utf8.elementsEqual(folder.utf8) { return true }
        let prefix = folder == "/" ? "/" : folder + "/"
        return path.utf8.starts(with: prefix.utf8)
    }
}

/// How files are put into the frozen input.
struct FileForm: Sendable {
    let audience: CommandAudience
    let key: DigestKey

    /// Path, size and digest of a file; of one that is not shown, path and keyed digest.
    func json(_ file: OpenFile, isExecutable: Bool = false) -> JSON {
        var object: JSONObject = ["path": .string(file.path)]
        if audience.mayRead(file) {
            object["digest"] = .string(file.digest)
            object["size"] = .int(Int64(file.size))
        } else {
            object["digest"] = .string(keyedDigest(file))
        }
        if isExecutable {
            object["kind"] =
                CommandLaunch.isBinary(file.head)
                ? "elf" : Shebang(file.head) != nil ? "script" : "other"
        }
        return .object(object)
    }

    /// With the text where it is text, no longer than `limit`, and may be shown.
    func json(_ file: OpenFile, showing limit: Int) -> JSON {
        guard case .object(var object) = json(file) else { return .null }
        if file.size <= limit, audience.mayRead(file), let text = file.bytes.flatMap(ShownText.text)
        {
            object["text"] = .string(text)
        }
        return .object(object)
    }

    /// A plain digest of a short secret can be found by trying; this one only by the gate.
    private func keyedDigest(_ file: OpenFile) -> String {
        var code = HMAC<SHA256>(key: SymmetricKey(data: key.bytes))
        code.update(data: Array("file\0".utf8))
        code.update(data: Array(file.digest.utf8))
        return "hmac-sha256:" + Hex.encode(code.finalize())
    }
}
