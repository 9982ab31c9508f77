// SPDX-License-Identifier: Apache-2.0

internal import CLinux
package import ExequaturClient
internal import Foundation
internal import NIOCore
internal import Synchronization

/// The local socket of a runner: where it may be, and who owns it.
package final class RunnerSocket: Sendable {
    package let path: String
    private let group: UInt32?
    private let state = Mutex(State())

    private struct State {
        var mask: mode_t?
        var made: clinux_identity?
    }

    /// Bytes of a path that the system takes for a socket, without the NUL.
    private static let longestPath = 107

    /// Looks whether a socket can safely be made, and removes one that a runner of this account
    /// left behind. Until ``finish()`` new files of this process are for its account and group only.
    /// - Parameters:
    ///   - path: an absolute path.
    ///   - group: the group that may connect; nil: the account's own.
    /// - Throws: ``GateFailure`` that says what is in the way.
    package init(path: String, group: UInt32?) throws(GateFailure) {
        self.path = path
        self.group = group
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count <= Self.longestPath else {
            throw .refused(
                "`--socket`: an absolute path of at most \(Self.longestPath) bytes")
        }
        try Self.checkFolder(of: path)
        if let group, geteuid() != 0, getegid() != group, !Self.ownGroups.contains(group) {
            throw .refused("`--socket-group`: this account is not in the group \(group)")
        }
        try Self.removeOld(path)
        state.withLock { $0.mask = umask(0o117) }
    }

    private static var ownGroups: [UInt32] {
        var groups = [gid_t](repeating: 0, count: 65_536)
        let count = getgroups(Int32(groups.count), &groups)
        return Array(groups.prefix(max(0, Int(count))))
    }

    /// Whoever can write to the folder could put another socket in the place of ours.
    private static func checkFolder(of path: String) throws(GateFailure) {
        let parent = (path as NSString).deletingLastPathComponent
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

    private static func removeOld(_ path: String) throws(GateFailure) {
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
        guard unlink(path) == 0 else {
            throw .refused("`\(path)` cannot be removed: \(SystemFailure(errno))")
        }
    }

    /// Lets the group in, once the socket is there; connections before that wait.
    /// - Throws: ``GateFailure`` when that cannot be done; nobody else is let in then.
    package func finish() throws(GateFailure) {
        let mask = state.withLock { state in
            defer { state.mask = nil }
            return state.mask
        }
        if let mask { umask(mask) }
        var found = clinux_identity()
        guard clinux_look(path, 0, &found) == 0,
            found.mode & UInt32(S_IFMT) == UInt32(S_IFSOCK), found.owner == geteuid()
        else { throw .refused("`\(path)` is not the socket that was made there") }
        if let group, lchown(path, .max, group) != 0 {
            throw .refused("`\(path)` cannot be given to the group: \(SystemFailure(errno))")
        }
        guard chmod(path, 0o660) == 0 else {
            throw .refused("`\(path)`: \(SystemFailure(errno))")
        }
        state.withLock { $0.made = found }
    }

    /// Removes the socket, if it is still the one that was made.
    package func remove() {
        guard let made = state.withLock({ $0.made }) else { return }
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
