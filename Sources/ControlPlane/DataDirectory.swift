// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Foundation
internal import Storage
package import TransparencyLog

/// The server's files: database, keys, `admin.token`, `log.vkey`.
///
/// Everything secret is 0600 in a directory that is 0700.
package struct DataDirectory: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// The absolute path, links resolved; the folder has to exist.
    package var resolvedPath: String {
        guard let resolved = realpath(path, nil) else { return absolutePath }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The absolute path as configured, links and all.
    package var absolutePath: String { URL(fileURLWithPath: path).standardized.path }

    package var database: String { path + "/exequatur.sqlite" }
    package var adminToken: String { path + "/admin.token" }
    package var verifierKeyFile: String { path + "/log.vkey" }
    private var logKey: String { path + "/keys/log.key" }
    private var rowKey: String { path + "/keys/rows.key" }

    /// Makes the directories if they don't exist and makes them private.
    package func prepare() throws {
        for directory in [path, path + "/keys"] {
            if mkdir(directory, 0o700) != 0, errno != EEXIST {
                throw StorageError("`\(directory)` can't be made: \(Self.systemError)")
            }
            guard chmod(directory, 0o700) == 0 else {
                throw StorageError("`\(directory)` can't be made private: \(Self.systemError)")
            }
        }
    }

    /// Reads the log's key, or makes it on first start.
    ///
    /// Crash order: the key file is written whole, synced and renamed into place before anything
    /// is signed with it. A crash before the rename leaves no key and no ledger; after it, a key
    /// and an empty ledger, which the next start takes up.
    package func signingKey(
        origin: String, entropy: Entropy, ledgerExists: Bool
    ) throws -> SigningKey {
        if let text = try read(logKey) {
            let key = try SigningKey(privateKeyText: text.trimmingNewline)
            guard key.name == origin || ledgerExists else {
                throw StorageError(
                    "the log key in `\(logKey)` is named `\(key.name)`, the "
                        + "configured origin is `\(origin)`")
            }
            return key
        }
        guard !ledgerExists else {
            throw StorageError(
                "`\(logKey)` is missing but there is a ledger: restore the key "
                    + "from your backup; without it nothing can be signed")
        }
        let key = try SigningKey(name: origin, seed: entropy.bytes(32))
        try write(logKey, key.privateKeyText + "\n", mode: 0o600)
        return key
    }

    /// The key of the MACs on operational rows; losing it only signs everybody out.
    package func rowAuthenticationKey(entropy: Entropy) throws -> [UInt8] {
        if let text = try read(rowKey), let bytes = Base64URL.decode(text.trimmingNewline),
            bytes.count == 32
        {
            return bytes
        }
        let bytes = entropy.bytes(32)
        try write(rowKey, Base64URL.encode(bytes) + "\n", mode: 0o600)
        return bytes
    }

    package func publish(_ key: VerifierKey) throws {
        try write(verifierKeyFile, key.vkey + "\n", mode: 0o644)
    }

    /// What the file of the log's public key says now; nil where it is not there.
    package func publishedKey() -> String? {
        (try? read(verifierKeyFile))?.trimmingNewline
    }

    package func writeAdminToken(_ token: String) throws {
        try write(adminToken, token + "\n", mode: 0o600)
    }

    private var haltFile: String { path + "/halted" }

    /// Throws where this ledger may not be signed any more.
    func checkNotHalted() throws {
        guard let reason = try haltReason() else { return }
        throw StorageError(
            "this ledger was halted: \(reason). Once that is done, remove `\(path)/halted` and "
                + "start again")
    }

    /// Why this ledger may not be signed any more, or nil.
    package func haltReason() throws -> String? { try read(haltFile)?.trimmingNewline }

    /// Keeps every later start from signing, until somebody has looked and removes the file.
    package func markHalted(_ reason: String) throws {
        try write(haltFile, reason + "\n", mode: 0o600)
    }

    /// Takes the first administrator's token away; what it stood for is void already.
    package func removeAdminToken() { unlink(adminToken) }

    package var databaseExists: Bool { access(database, F_OK) == 0 }
    package var hasAdminToken: Bool { access(adminToken, F_OK) == 0 }

    package func verifierKey() throws -> VerifierKey? {
        try read(verifierKeyFile).map { try VerifierKey(vkey: $0.trimmingNewline) }
    }

    private func read(_ file: String) throws -> String? {
        guard access(file, F_OK) == 0 else { return nil }
        guard let data = FileManager.default.contents(atPath: file), data.count <= 65_536,
            let text = String(validating: data, as: UTF8.self)
        else { throw StorageError("`\(file)` can't be read") }
        return text
    }

    /// Whole or not at all: temporary file, sync, rename, sync of the directory.
    private func write(_ file: String, _ text: String, mode: mode_t) throws {
        let temporary = file + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw StorageError("`\(temporary)` can't be written: \(Self.systemError)")
        }
        let bytes = Array(text.utf8)
        let written = bytes.withUnsafeBytes {
            Foundation.write(descriptor, $0.baseAddress, bytes.count)
        }
        let synced = fsync(descriptor)
        close(descriptor)
        guard written == bytes.count, synced == 0, rename(temporary, file) == 0 else {
            throw StorageError("`\(file)` can't be written: \(Self.systemError)")
        }
        let parent = open((file as NSString).deletingLastPathComponent, O_RDONLY | O_CLOEXEC)
        guard parent >= 0 else { return }
        fsync(parent)
        close(parent)
    }

    private static var systemError: String { String(cString: strerror(errno)) }
}

extension String {
    fileprivate var trimmingNewline: String {
        hasSuffix("\n") ? String(dropLast()) : self
    }
}
