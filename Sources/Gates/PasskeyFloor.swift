// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
package import ExequaturClient
internal import Synchronization
package import TransparencyLog

/// `--require passkey`: executes only what persons signed with passkeys that chain from the seal's
/// manifest, which the gate has as a file of its own.
///
/// What policy allows without anybody's approval is refused as well, and so is what was cleared by a
/// broken glass: for either there is only the service's word.
package final class PasskeyFloor: GateFloor {
    package let name = "passkey"
    /// What was pinned, for the gate's configuration.
    package let manifest: Hash256
    private let logKey: VerifierKey
    private let trust: Mutex<PasskeyTrust>

    /// How many enrolments are asked for because of one action.
    private static let longestChain = 16

    /// Reads what `exequatur seal --manifest --json` prints.
    /// - Throws: for anything else, and for a manifest that nobody sealed.
    package init(manifest bytes: [UInt8]) throws {
        let json = try JSON(parsing: bytes, limits: Limits.storedJSON)
        var reader = try JSONReader(json, path: "")
        let manifest = try SealManifest(try reader.value("manifest"))
        self.manifest = try manifest.digest
        guard try reader.hash("digest") == self.manifest else {
            throw CoreError("`digest`: not that of the manifest")
        }
        guard try reader.bool("sealed") else {
            throw CoreError("`sealed`: this is only a question; take it after the seal")
        }
        try reader.finish()
        logKey = manifest.logKey
        trust = Mutex(try PasskeyTrust(manifest: manifest))
    }

    package func check(
        _ evidence: FloorEvidence,
        fetch: @Sendable (_ path: String) async throws(GateFailure) -> [UInt8]?
    ) async throws(GateFailure) {
        guard evidence.logKey == logKey else {
            throw .alarm("this server's log is not the one that was sealed in the manifest")
        }
        // Enrolments that were asked for and need another one first; the last is learnt next.
        var pending: [(passkey: String, receipt: [UInt8])] = []
        for _ in 0...(2 * Self.longestChain) {
            do throws(PasskeyTrust.Refusal) {
                guard let next = pending.last else {
                    _ = try trust.withLock { trust throws(PasskeyTrust.Refusal) in
                        try trust.approvers(
                            receipt: evidence.receipt, action: evidence.action,
                            operation: evidence.operation)
                    }
                    return
                }
                try trust.withLock { trust throws(PasskeyTrust.Refusal) in
                    try trust.learn(next.passkey, receipt: next.receipt)
                }
                pending.removeLast()
            } catch {
                guard case .unknown(let passkey) = error, pending.count < Self.longestChain,
                    !pending.contains(where: { $0.passkey.utf8.elementsEqual(passkey.utf8) }),
                    let receipt = try await fetch("/v1/passkeys/\(passkey)/receipt")
                else { throw .refused("this gate demands passkeys: \(error)") }
                pending.append((passkey, receipt))
            }
        }
        throw .refused("this gate demands passkeys, and their enrolments do not end")
    }
}
