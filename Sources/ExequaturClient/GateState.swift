// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Foundation
internal import Synchronization
public import TransparencyLog

/// What a gate keeps between runs, in a directory that only its account can enter.
///
/// - `digest.key`: the key for values that are not shown.
/// - `keys/FINGERPRINT`: the log key of that fingerprint, which anybody may have sent.
/// - `pins/FINGERPRINT`: the newest tree head seen of that log.
/// - `nonces/XX`: every nonce on which something was executed; `nonces/live.*`: of a gate that lives
///   long every nonce that it offered, for a day after its end.
/// - `reports/ACTION`, `reports/of-AGENT/ACTION`: outcomes that could not be reported yet.
/// - `hooks/`: what a hook cleared and has still to hear the outcome of.
/// - `run/`: links to scripts while they run.
public struct GateState: Sendable {
    /// The directory.
    public let directory: String
    /// What a gate that lives long keeps in memory, too.
    private let live: LiveGateState?
    /// Where outcomes are kept that could not be reported.
    private let reports: String

    /// Opens the directory, making it with mode 0700 if need be.
    /// - Throws: ``GateFailure`` when somebody else could write there.
    public init(directory: String) throws(GateFailure) {
        guard directory.utf8.first == UInt8(ascii: "/") else {
            throw .refused("the state directory `\(directory)` is not an absolute path")
        }
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            for name in ["keys", "pins", "nonces", "reports", "run"] {
                try FileManager.default.createDirectory(
                    atPath: "\(directory)/\(name)", withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700])
            }
        } catch {
            throw .refused("the state directory `\(directory)` cannot be made: set another one")
        }
        var status = stat()
        guard stat(directory, &status) == 0, status.st_uid == geteuid(),
            status.st_mode & (S_IWGRP | S_IWOTH) == 0
        else {
            throw .refused(
                "the state directory `\(directory)` must be this account's own, mode 0700")
        }
        self.directory = directory
        live = nil
        reports = "\(directory)/reports"
    }

    private init(directory: String, live: LiveGateState?, reports: String) {
        self.directory = directory
        self.live = live
        self.reports = reports
    }

    /// The same state for one of several requesters, whose outcomes are kept apart.
    ///
    /// The service takes each only from the requester that it belongs to.
    /// - Parameter requester: its id, or another name of at most 64 letters, digits and `@._-`.
    /// - Returns: the state, with a folder of its own for outcomes.
    /// - Throws: ``GateFailure`` when the folder cannot be made.
    package func keepingReports(of requester: String) throws(GateFailure) -> GateState {
        guard (1...64).contains(requester.utf8.count),
            requester.utf8.allSatisfy({ Self.isAlphanumeric($0) || "@._-".utf8.contains($0) })
        else { throw .refused("outcomes cannot be kept under such a name") }
        let folder = "\(directory)/reports/of-\(requester)"
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw .refused("`\(folder)` cannot be made: is the disk full?")
        }
        return GateState(directory: directory, live: live, reports: folder)
    }

    /// The same state for a gate that lives long: it reads its files once, and records a nonce with
    /// one write to a file that is its own.
    ///
    /// The newest tree head is then in memory, and on the disk after ``flush()``.
    /// - Throws: ``GateFailure`` when the journal of nonces cannot be made.
    public func keptOpen(entropy: [UInt8]) throws(GateFailure) -> GateState {
        let name = "live.\(getpid()).\(Hex.encode(entropy.prefix(8)))"
        return GateState(
            directory: directory,
            live: try LiveGateState(folder: "\(directory)/nonces", name: name),
            reports: reports)
    }

    /// Writes the newest tree heads to the disk, where they are newer than what is there.
    public func flush() throws(GateFailure) {
        guard let live else { return }
        var failure: GateFailure?
        for head in live.takeUnwritten() {
            do throws(GateFailure) {
                try write(head)
            } catch {
                live.keepUnwritten(head)
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// The same in a thread of its own: a slow disk holds up nobody else.
    /// - Throws: ``GateFailure`` where something could not be written; the next time is another try.
    package func flushAside() async throws(GateFailure) {
        guard live?.hasUnwritten ?? false else { return }
        let result = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    returning: Result { () throws(GateFailure) in try self.flush() })
            }
        }
        try result.get()
    }

    /// Where links to scripts go while they run.
    public var runDirectory: String { "\(directory)/run" }

    // MARK: digest key

    /// The key for values that are not shown; made from `fresh` bytes the first time.
    public func digestKey(fresh: [UInt8]) throws(GateFailure) -> DigestKey {
        let path = "\(directory)/digest.key"
        if !SystemPath.exists(path) {
            // Written beside and linked, so that of two first runs one key wins whole.
            let draft = path + ".\(getpid())"
            try write(fresh, to: draft, exclusive: false)
            let result = link(draft, path)
            let failure = errno
            unlink(draft)
            guard result == 0 || failure == EEXIST else {
                throw .refused("`\(path)` cannot be made: \(SystemFailure(failure))")
            }
            try syncDirectory(directory)
        }
        guard let key = try read(path, limit: 64).flatMap(DigestKey.init(bytes:)) else {
            throw .refused("`\(path)` is damaged: restore it, or remove it to start anew")
        }
        return key
    }

    // MARK: log key

    /// The log key of a fingerprint, if it was seen before.
    public func logKey(fingerprint: String) throws(GateFailure) -> VerifierKey? {
        if let known = live?.key(fingerprint) { return known }
        guard let bytes = try read("\(directory)/keys/\(fingerprint)", limit: 1_024),
            let text = String(validating: bytes, as: UTF8.self)
        else { return nil }
        // Checked again on each use; a damaged file only means to fetch the key once more.
        let key = LogTrust.key(text, fingerprint: fingerprint)
        if let key { live?.keep(key, fingerprint) }
        return key
    }

    /// Keeps a log key whose fingerprint was checked.
    public func keep(_ key: VerifierKey, fingerprint: String) throws(GateFailure) {
        try replace("\(directory)/keys/\(fingerprint)", with: Array(key.vkey.utf8))
    }

    // MARK: tree head

    /// The newest tree head seen of a log, as the signed note; nil the first time.
    /// - Throws: ``GateFailure`` when the file is there but does not verify: a pin that was
    ///   tampered with must not count as none.
    public func pin(
        of key: VerifierKey, fingerprint: String
    ) throws(GateFailure) -> (note: String, checkpoint: Checkpoint)? {
        if let head = live?.head(fingerprint) { return (head.note, head.checkpoint) }
        guard let found = try writtenPin(of: key, fingerprint: fingerprint) else { return nil }
        live?.learn(
            LiveGateState.Head(
                note: found.note, checkpoint: found.checkpoint, key: key,
                fingerprint: fingerprint))
        return found
    }

    private func writtenPin(
        of key: VerifierKey, fingerprint: String
    ) throws(GateFailure) -> (note: String, checkpoint: Checkpoint)? {
        let path = "\(directory)/pins/\(fingerprint)"
        guard let bytes = try read(path, limit: SignedNote.maximumBytes) else { return nil }
        guard let note = String(validating: bytes, as: UTF8.self),
            let checkpoint = try? Checkpoint.verified(note, key: key)
        else {
            throw .refused("`\(path)` does not verify: find out who changed it")
        }
        return (note, checkpoint)
    }

    /// Moves the pin forward; an older tree head than the one kept by now changes nothing.
    public func pin(
        _ note: String, _ checkpoint: Checkpoint, of key: VerifierKey, fingerprint: String
    ) throws(GateFailure) {
        let head = LiveGateState.Head(
            note: note, checkpoint: checkpoint, key: key, fingerprint: fingerprint)
        if let live {
            live.advance(head)
        } else {
            try write(head)
        }
    }

    private func write(_ head: LiveGateState.Head) throws(GateFailure) {
        let (key, fingerprint) = (head.key, head.fingerprint)
        let lock = try lock("\(directory)/pins/.lock")
        defer { close(lock) }
        let kept = try writtenPin(of: key, fingerprint: fingerprint)
        if let kept, kept.checkpoint.size >= head.checkpoint.size { return }
        try replace("\(directory)/pins/\(fingerprint)", with: Array(head.note.utf8))
    }

    // MARK: nonces

    /// Records a nonce before anything is executed on it.
    ///
    /// It is on the disk when this returns. Whoever crashes after that has used up the nonce;
    /// whoever crashes before has executed nothing.
    /// - Throws: ``GateFailure`` when it was used before, or cannot be recorded.
    public func use(nonce: String, action: String) async throws(GateFailure) {
        guard Hash256(hex: nonce) != nil else { throw .refused("the nonce is malformed") }
        if let live { return try await live.nonces.use(nonce) }
        try record(nonce, action: action, used: "the nonce of this claim was used before")
    }

    /// Records that a signed action is about to be executed; it is on the disk when this returns.
    ///
    /// A claim is a server's word. Whoever has the server could give a second one, under another
    /// nonce, for what persons signed once; so a gate with a floor remembers the actions as well.
    /// - Throws: ``GateFailure`` when it was executed before, or cannot be recorded.
    func useOnce(_ digest: Hash256, action: String) throws(GateFailure) {
        try record(digest.hex, action: action, used: "\(action) was executed here before")
    }

    /// Begins to write down a nonce that something may be claimed with, where that can be done
    /// beside other things.
    func reserve(nonce: String) { live?.nonces.reserve(nonce) }

    /// Nothing was claimed with a nonce.
    func release(nonce: String) { live?.nonces.release(nonce) }

    private func record(
        _ name: String, action: String, used why: String
    ) throws(GateFailure) {
        let path = "\(directory)/nonces/\(name.prefix(2))"
        let descriptor = try lock(path)
        defer { close(descriptor) }
        let used = try read(path, limit: 1 << 28) ?? []
        let isUsed = used.split(separator: UInt8(ascii: "\n")).contains {
            $0.starts(with: name.utf8)
        }
        guard !isUsed else { throw .refused(why) }
        // A line that a crash cut short ends here; this one must not become a part of it.
        let start = used.isEmpty || used.last == UInt8(ascii: "\n") ? "" : "~\n"
        let line = Array("\(start)\(name) \(action)\n".utf8)
        guard Foundation.write(descriptor, line, line.count) == line.count,
            clinux_sync(descriptor) == 0
        else { throw .refused("the nonce cannot be recorded in `\(path)`") }
        try syncDirectory("\(directory)/nonces")
    }

    // MARK: reports

    /// Keeps an outcome that could not be reported.
    func keepReport(_ bytes: [UInt8], action: String) throws(GateFailure) {
        guard Self.isName(action) else { return }
        try replace("\(reports)/\(action)", with: bytes)
    }

    /// Outcomes that were kept, at most 16 at a time.
    func keptReports() -> [(action: String, bytes: [UInt8])] {
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: reports)) ?? []
        return names.filter(Self.isName).sorted().prefix(16).compactMap { name in
            guard let bytes = try? read("\(reports)/\(name)", limit: 65_536) else {
                return nil
            }
            return (name, bytes)
        }
    }

    func dropReport(action: String) {
        guard Self.isName(action) else { return }
        unlink("\(reports)/\(action)")
    }

    private static func isName(_ action: String) -> Bool {
        action.hasPrefix("act_") && action.utf8.count <= 128
            && action.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
            || (0x61...0x7A).contains(byte)
    }
}

// MARK: - Files

extension GateState {
    private func read(_ path: String, limit: Int) throws(GateFailure) -> [UInt8]? {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            guard !SystemPath.exists(path) else { throw .refused("`\(path)` cannot be read") }
            return nil
        }
        defer { try? handle.close() }
        do {
            let data = try handle.read(upToCount: limit + 1) ?? Data()
            guard data.count <= limit else { throw GateFailure.refused("`\(path)` is too long") }
            return Array(data)
        } catch {
            throw .refused("`\(path)` cannot be read")
        }
    }

    private func write(_ bytes: [UInt8], to path: String, exclusive: Bool) throws(GateFailure) {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (exclusive ? O_EXCL : O_TRUNC)
        let descriptor = open(path, flags, 0o600)
        guard descriptor >= 0 else {
            throw .refused("`\(path)` cannot be written: \(SystemFailure(errno))")
        }
        defer { close(descriptor) }
        guard Foundation.write(descriptor, bytes, bytes.count) == bytes.count,
            clinux_sync(descriptor) == 0
        else { throw .refused("`\(path)` cannot be written: \(SystemFailure(errno))") }
    }

    private static let drafts = Atomic<UInt64>(0)

    /// Replaces a file in one step: after a crash there is the old one or the new one, whole.
    private func replace(_ path: String, with bytes: [UInt8]) throws(GateFailure) {
        // A name of its own for each: a gate that lives long writes from several tasks at once.
        let number = Self.drafts.add(1, ordering: .relaxed).newValue
        let draft = path + ".new.\(getpid()).\(number)"
        try write(bytes, to: draft, exclusive: false)
        guard rename(draft, path) == 0 else {
            throw .refused("`\(path)` cannot be replaced: \(SystemFailure(errno))")
        }
        try syncDirectory((path as NSString).deletingLastPathComponent)
    }

    /// Opens a file for appending and locks it against other runs until it is closed.
    private func lock(_ path: String) throws(GateFailure) -> Int32 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw .refused("`\(path)` cannot be opened: \(SystemFailure(errno))")
        }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                close(descriptor)
                throw .refused("`\(path)` cannot be locked")
            }
        }
        return descriptor
    }

    private func syncDirectory(_ path: String) throws(GateFailure) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .refused("`\(path)` cannot be opened") }
        defer { close(descriptor) }
        guard clinux_sync(descriptor) == 0 else { throw .refused("`\(path)` cannot be synced") }
    }
}

/// Which log key a gate accepts.
public enum LogTrust {
    /// The key in a `vkey` line, if it has the fingerprint that the gate's token carries.
    ///
    /// Whoever answers under the server's address can send any key, but none with that
    /// fingerprint except the right one.
    public static func key(_ text: String, fingerprint: String) -> VerifierKey? {
        let line = text.hasSuffix("\n") ? String(text.dropLast()) : text
        guard fingerprint.utf8.count == 32, let key = try? VerifierKey(vkey: line),
            key.fingerprint.hex.utf8.prefix(32).elementsEqual(fingerprint.utf8)
        else { return nil }
        return key
    }
}
