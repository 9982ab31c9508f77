// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Foundation
internal import TransparencyLog

/// What is kept between the hook before a tool and the one after it.
struct HookClaim: Sendable, Hashable {
    var action: String
    var nonce: String
    var operation: String
}

/// Claims of calls whose outcome was not told yet, one file each.
///
/// Nothing is executed on them; a lost one only means that its action ends as `unknown`.
struct HookCalls: Sendable {
    let directory: String

    /// Hosts do not tell of every end, so that some would stay for ever.
    private static let mostFiles = 1_000
    private static let kept = 500

    func keep(_ claim: HookClaim, of call: HookCall) {
        let json: JSON = [
            "action": .string(claim.action), "nonce": .string(claim.nonce),
            "operation": .string(claim.operation),
        ]
        guard let bytes = try? json.canonicalBytes() else { return }
        let manager = FileManager.default
        try? manager.createDirectory(
            atPath: directory, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        sweep(manager)
        // Whether it could be kept changes nothing for the call.
        _ = manager.createFile(
            atPath: path(call, claim.operation), contents: Data(bytes),
            attributes: [.posixPermissions: 0o600])
    }

    /// The claim of a call, once.
    func take(_ call: HookCall, operation: String?) -> HookClaim? {
        let path = path(call, operation ?? "")
        guard let data = FileManager.default.contents(atPath: path), data.count <= 4_096 else {
            return nil
        }
        try? FileManager.default.removeItem(atPath: path)
        guard let json = try? JSON(parsing: Array(data)), let action = json["action"]?.stringValue,
            let nonce = json["nonce"]?.stringValue, let digest = json["operation"]?.stringValue
        else { return nil }
        return HookClaim(action: action, nonce: nonce, operation: digest)
    }

    /// By the host's name for the call; where it has none, by what the call would do.
    private func path(_ call: HookCall, _ operation: String) -> String {
        let parts = [call.host.rawValue, call.session, call.callID ?? "operation " + operation]
        let key = parts.map { "\($0.utf8.count):\($0)" }.joined()
        return directory + "/" + Hash256.sha256(Array(key.utf8)).hex
    }

    private func sweep(_ manager: FileManager) {
        guard let names = try? manager.contentsOfDirectory(atPath: directory),
            names.count >= Self.mostFiles
        else { return }
        let dated = names.map { name -> (path: String, date: Date) in
            let path = directory + "/" + name
            let found = try? manager.attributesOfItem(atPath: path)[.modificationDate] as? Date
            return (path, found ?? Date.distantPast)
        }
        for old in dated.sorted(by: { $0.date < $1.date }).dropLast(Self.kept) {
            try? manager.removeItem(atPath: old.path)
        }
    }
}
