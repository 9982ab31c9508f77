// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
public import TransparencyLog

/// What is to be executed, as canonical bytes that nobody changes any more.
public struct FrozenOperation: Sendable, Hashable {
    /// `{"action":…,"input":…,"resource":…}`.
    public let json: JSON
    /// The RFC 8785 form of ``json``.
    public let bytes: [UInt8]
    /// SHA-256 of ``bytes``: the operation digest.
    public let digest: Hash256

    /// Freezes an operation.
    /// - Throws: `CanonicalizationError` where a number has no exact canonical form.
    public init(action: String, resource: JSON, input: JSON) throws {
        json = ["action": .string(action), "input": input, "resource": resource]
        bytes = try json.canonicalBytes()
        digest = .sha256(bytes)
    }
}
