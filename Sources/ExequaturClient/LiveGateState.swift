// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Foundation
internal import Synchronization
internal import TransparencyLog

/// What a gate that lives long knows of its state without looking at its files again.
///
/// Nonces go to a journal that only this process writes. They are made by it too, from 32 random
/// bytes each, so that no other process can hold one of them; what the journal adds is that a
/// claim on which something was executed stays on the disk, whatever happens to the process.
final class LiveGateState: Sendable {
    /// A tree head that was seen, and whose.
    struct Head: Sendable {
        let note: String
        let checkpoint: Checkpoint
        let key: VerifierKey
        let fingerprint: String
    }

    private struct State {
        var keys: [String: VerifierKey] = [:]
        var heads: [String: Head] = [:]
        var unwritten: Set<String> = []
        var used: Set<String> = []
        /// Where the next line of the journal goes, and how far the file reaches.
        var end: Int = 0
        var reach: Int = 0
    }

    private let state = Mutex(State())
    private let journal: Int32
    /// The file grows by this much at a time, in zeros: writing into what is there already needs
    /// no change of the file's length on the disk, which halves the time of a sync.
    private static let step = 65_536
    /// Nonces are remembered for the process's life, up to this many.
    private static let nonceLimit = 1_000_000

    init(folder: String, name: String) throws(GateFailure) {
        let path = "\(folder)/\(name)"
        journal = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard journal >= 0 else {
            throw .refused("`\(path)` cannot be made: \(SystemFailure(errno))")
        }
        // Held for the life of the process, so that others see whose journal is still in use.
        guard flock(journal, LOCK_EX | LOCK_NB) == 0 else {
            throw .refused("`\(path)` cannot be locked: \(SystemFailure(errno))")
        }
        Self.removeOld(in: folder, newest: journal)
    }

    deinit { close(journal) }

    /// Journals of processes that ended a day ago: no claim in them can be started on any more.
    private static func removeOld(in folder: String, newest: Int32) {
        var now = stat()
        guard fstat(newest, &now) == 0 else { return }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix("live.") {
            var found = stat()
            let path = "\(folder)/\(name)"
            guard lstat(path, &found) == 0, found.st_ino != now.st_ino,
                found.st_mtim.tv_sec < now.st_mtim.tv_sec - 86_400
            else { continue }
            let other = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            guard other >= 0 else { continue }
            if flock(other, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
            close(other)
        }
    }

    func key(_ fingerprint: String) -> VerifierKey? { state.withLock { $0.keys[fingerprint] } }

    func keep(_ key: VerifierKey, _ fingerprint: String) {
        state.withLock { $0.keys[fingerprint] = key }
    }

    func head(_ fingerprint: String) -> Head? { state.withLock { $0.heads[fingerprint] } }

    /// Takes over what the disk has, unless something newer was seen meanwhile.
    func learn(_ head: Head) { move(to: head, isWritten: true) }

    func advance(_ head: Head) { move(to: head, isWritten: false) }

    private func move(to head: Head, isWritten: Bool) {
        state.withLock { state in
            let known = state.heads[head.fingerprint]
            if let known, known.checkpoint.size >= head.checkpoint.size { return }
            state.heads[head.fingerprint] = head
            if !isWritten { state.unwritten.insert(head.fingerprint) }
        }
    }

    func takeUnwritten() -> [Head] {
        state.withLock { state in
            defer { state.unwritten = [] }
            return state.unwritten.compactMap { state.heads[$0] }
        }
    }

    /// A head could not be written: the next flush tries again.
    func keepUnwritten(_ head: Head) {
        state.withLock { _ = $0.unwritten.insert(head.fingerprint) }
    }

    /// Records a nonce; it is on the disk when this returns.
    ///
    /// A crash after that has used up the nonce; a crash before has executed nothing, because the
    /// caller executes only on our return.
    func use(nonce: String, action: String) throws(GateFailure) {
        let line = Array("\(nonce) \(action)\n".utf8)
        let place = try state.withLock { state throws(GateFailure) -> Int in
            guard state.used.count < Self.nonceLimit else {
                throw .refused("this gate has executed \(Self.nonceLimit) times: restart it")
            }
            guard state.used.insert(nonce).inserted else {
                throw .refused("the nonce of this claim was used before")
            }
            if state.end + line.count > state.reach {
                let zeros = [UInt8](repeating: 0, count: Self.step)
                guard pwrite(journal, zeros, zeros.count, off_t(state.reach)) == zeros.count,
                    clinux_sync(journal) == 0
                else { throw .refused("the journal of nonces cannot grow: is the disk full?") }
                state.reach += zeros.count
            }
            defer { state.end += line.count }
            return state.end
        }
        guard pwrite(journal, line, line.count, off_t(place)) == line.count,
            clinux_sync_data(journal) == 0
        else { throw .refused("the nonce cannot be recorded in the journal of nonces") }
    }
}
