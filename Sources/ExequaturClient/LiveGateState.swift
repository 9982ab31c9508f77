// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Foundation
internal import Synchronization
internal import TransparencyLog

/// What a gate that lives long knows of its state without looking at its files again.
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
    }

    private let state = Mutex(State())
    let nonces: NonceJournal

    init(folder: String, name: String) throws(GateFailure) {
        let path = "\(folder)/\(name)"
        let journal = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard journal >= 0 else {
            throw .refused("`\(path)` cannot be made: \(SystemFailure(errno))")
        }
        // Held for the life of the process, so that others see whose journal is still in use.
        guard flock(journal, LOCK_EX | LOCK_NB) == 0 else {
            throw .refused("`\(path)` cannot be locked: \(SystemFailure(errno))")
        }
        Self.removeOld(in: folder, newest: journal)
        // The name of the file, once; after that its lines.
        let place = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if place >= 0 { close(place) } }
        guard place >= 0, clinux_sync(place) == 0 else {
            throw .refused("`\(folder)` cannot be synced: \(SystemFailure(errno))")
        }
        nonces = NonceJournal(journal)
    }

    deinit { nonces.end() }

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

    var hasUnwritten: Bool { state.withLock { !$0.unwritten.isEmpty } }

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
}
