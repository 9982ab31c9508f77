// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
public import TransparencyLog

/// What is to be executed, as canonical bytes that nobody changes any more.
public struct FrozenOperation: Sendable, Hashable {
    /// `{"action":…,"input":…,"resource":…}`, and `"definition":"sha256:…"` and `"effects":[…]`
    /// where there are any.
    public let json: JSON
    /// The RFC 8785 form of ``json``.
    public let bytes: [UInt8]
    /// SHA-256 of ``bytes``: the operation digest.
    public let digest: Hash256

    /// Freezes an operation.
    /// - Parameters:
    ///   - action: the action's name.
    ///   - resource: an object with `type` and `id`.
    ///   - input: an object: everything that the execution is given.
    ///   - definition: SHA-256 of what the executor said the action means, such as the definition
    ///     of a tool; part of what is approved.
    ///   - effects: what the execution says it will change, as the API takes it.
    /// - Throws: `CanonicalizationError` where a number has no exact canonical form.
    public init(
        action: String, resource: JSON, input: JSON, definition: Hash256? = nil,
        effects: [JSON] = []
    ) throws {
        var members: JSONObject = [
            "action": .string(action), "input": input, "resource": resource,
        ]
        if let definition { members["definition"] = .string("sha256:" + definition.hex) }
        if !effects.isEmpty { members["effects"] = .array(effects) }
        json = .object(members)
        bytes = try json.canonicalBytes()
        digest = .sha256(bytes)
    }
}
