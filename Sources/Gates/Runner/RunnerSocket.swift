// SPDX-License-Identifier: Apache-2.0

internal import CLinux
package import ExequaturClient
internal import Foundation
internal import NIOCore
internal import Synchronization

/// The local socket of a runner: where it may be, and who owns it.
///
/// It is made in a folder of its own that nobody else can enter, and moved to its place once its
/// mode and group are right.
package final class RunnerSocket: Sendable {
    /// Where agents find it.
    package let path: String
    /// Where it is made.
    package let draft: String
    private let group: UInt32?
    private let made = Mutex<clinux_identity?>(nil)

    /// Bytes of a path that the system takes for a socket, without the NUL.
    private static let longestPath = 107

    /// Looks whether a socket can safely be made.
    /// - Parameters:
    ///   - path: an absolute path.
    ///   - group: the group that may connect; nil: the account's own.
    /// - Throws: ``GateFailure`` that says what is in the way.
    package init(path: String, group: UInt32?) throws(GateFailure) {
        self.path = path
        self.group = group
        let parent = (path as NSString).deletingLastPathComponent
        guard path.utf8.first == UInt8(ascii: "/"),
            max(path.utf8.count, parent.utf8.count + Self.draftBytes) <= Self.longestPath
        else {
            throw .refused(
                "`--socket`: an absolute path of at most \(Self.longestPath) bytes, its folder's of "
                    + "at most \(Self.longestPath - Self.draftBytes)")
        }
        try Self.checkFolder(parent)
        if let group, geteuid() != 0, getegid() != group, !Self.ownGroups.contains(group) {
            throw .refused("`--socket-group`: this account is not in the group \(group)")
        }
        try Self.checkPlace(path)
        do throws(SystemFailure) {
            draft = try SystemPath.makeFolder("\(parent)/.s-") + "/s"
        } catch {
            throw .refused("nothing can be made in `\(parent)`: \(error)")
        }
    }

    /// What the folder of its own adds to the path of the socket's folder.
    private static let draftBytes = "/.s-XXXXXX/s".utf8.count

    private static var ownGroups: [UInt32] {
        var groups = [gid_t](repeating: 0, count: 65_536)
        let count = getgroups(Int32(groups.count), &groups)
        return Array(groups.prefix(max(0, Int(count))))
    }

    /// Whoever can write to the folder could put another socket in the place of ours.
    private static func checkFolder(_ parent: String) throws(GateFailure) {
        guard let folder = SystemPath.canonical(parent) else {
            throw .refused("the folder `\(parent)` of the socket is not there: make it")
        }
        let own = geteuid()
        var found = clinux_identity()
        guard clinux_look(folder, 0, &found) == 0, found.owner == own || found.owner == 0,
            found.mode & 0o022 == 0
        else {
            throw .refused(
                "the folder `\(folder)` of the socket must be this account's own, or root's, and "
                    + "nobody else may write to it: chmod go-w")
        }
        let isSafe = FolderChain.allSatisfy(above: folder) { above in
            let isSticky = above.mode & 0o1000 != 0
            return (above.owner == own || above.owner == 0)
                && (above.mode & 0o022 == 0 || isSticky)
        }
        guard isSafe else {
            throw .refused("others may write to a folder above `\(folder)`: choose another place")
        }
    }

    /// Only a socket of this account on which nobody listens may be replaced.
    private static func checkPlace(_ path: String) throws(GateFailure) {
        var found = clinux_identity()
        let result = clinux_look(path, 0, &found)
        if result == -ENOENT { return }
        guard result == 0, found.mode & UInt32(S_IFMT) == UInt32(S_IFSOCK),
            found.owner == geteuid()
        else {
            throw .refused("`\(path)` is there and no socket of this account: remove it yourself")
        }
        guard clinux_answers(path) == 0 else {
            throw .refused("`\(path)`: somebody listens there already")
        }
    }

    /// Puts the socket in its place, once it is bound.
    /// - Throws: ``GateFailure`` when that cannot be done; nobody is let in then.
    package func finish() throws(GateFailure) {
        var found = clinux_identity()
        guard clinux_look(draft, 0, &found) == 0, found.mode & UInt32(S_IFMT) == UInt32(S_IFSOCK)
        else { throw .refused("`\(draft)` is not there any more") }
        if let group, lchown(draft, .max, group) != 0 {
            throw .refused("`\(path)` cannot be given to the group: \(SystemFailure(errno))")
        }
        guard chmod(draft, 0o660) == 0, rename(draft, path) == 0 else {
            throw .refused("`\(path)`: \(SystemFailure(errno))")
        }
        rmdir((draft as NSString).deletingLastPathComponent)
        made.withLock { $0 = found }
    }

    /// Removes the socket, if it is still the one that was made.
    package func remove() {
        guard let made = made.withLock({ $0 }) else {
            unlink(draft)
            rmdir((draft as NSString).deletingLastPathComponent)
            return
        }
        var found = clinux_identity()
        guard clinux_look(path, 0, &found) == 0, found.device == made.device,
            found.inode == made.inode
        else { return }
        unlink(path)
    }

    /// Looks whether an agent may send its token to a socket: nobody but root and the socket's
    /// owner may have been able to put it there.
    /// - Throws: ``GateFailure`` otherwise.
    package static func checkForClient(_ path: String) throws(GateFailure) {
        var socket = clinux_identity()
        let result = clinux_look(path, 1, &socket)
        guard result == 0 else {
            throw .unavailable("no runner at `\(path)`: \(SystemFailure(-result))")
        }
        guard socket.mode & UInt32(S_IFMT) == UInt32(S_IFSOCK) else {
            throw .refused("`\(path)` is not a socket")
        }
        let parent = (path as NSString).deletingLastPathComponent
        var folder = clinux_identity()
        guard let canonical = SystemPath.canonical(parent),
            clinux_look(canonical, 0, &folder) == 0, folder.mode & 0o022 == 0,
            [0, socket.owner].contains(folder.owner)
        else {
            throw .refused(
                "others could have put the socket there: `\(parent)` must belong to root or to the "
                    + "runner, and nobody else may write to it")
        }
    }
}

extension RunnerPeer {
    /// Who is at the other end of a connection to a local socket.
    /// - Throws: ``RunnerRefusal`` where the system does not say.
    init(of channel: any Channel) async throws(RunnerRefusal) {
        var level: Int32 = 0
        var name: Int32 = 0
        clinux_peer_option(&level, &name)
        guard name >= 0, let options = channel as? any SocketOptionProvider else {
            throw RunnerRefusal(.forbidden, "the system does not say who connected")
        }
        do {
            let found: clinux_peer = try await options.unsafeGetSocketOption(
                level: SocketOptionLevel(level), name: SocketOptionName(name)
            ).get()
            self.init(process: found.process, user: found.user, group: found.group)
        } catch {
            throw RunnerRefusal(.forbidden, "the system does not say who connected: \(error)")
        }
    }
}
