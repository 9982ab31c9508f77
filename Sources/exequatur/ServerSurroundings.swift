// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import DriftCore
internal import Foundation
internal import TransparencyLog

/// What of this process decides, and is in no entry: the program, and its configuration.
struct ServerSurroundings: Sendable {
    let configuration: String?
    private static let partBytes = 1_048_576

    /// Digests as they are now; what can't be read says so, and is a difference.
    func now() -> JSONObject {
        var found: JSONObject = [
            "program": Self.digest("/proc/self/exe"), "version": .string(Version.software),
        ]
        if let configuration { found["configuration"] = Self.digest(configuration) }
        return found
    }

    private static func digest(_ path: String) -> JSON {
        guard let file = FileHandle(forReadingAtPath: path) else { return "unreadable" }
        defer { try? file.close() }
        do {
            let hash = try Hash256.sha256 {
                try file.read(upToCount: partBytes).map { [UInt8]($0) }
            }
            return .string(hash.hex)
        } catch {
            return "unreadable"
        }
    }
}

/// The server as a source.
struct ServerCollector: SourceCollector {
    let look: @Sendable (@escaping @Sendable () -> Timestamp) -> Observation

    init(_ look: @escaping @Sendable (@escaping @Sendable () -> Timestamp) -> Observation) {
        self.look = look
    }

    func observe(
        now: @escaping @Sendable () -> Timestamp, redactor: Redactor
    ) async -> Observation { look(now) }

    func hints() -> AsyncStream<SourceHint>? { nil }
}
