// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
public import TransparencyLog

/// What a gate reads of an action in the service's answers.
public struct SubmittedAction: Sendable {
    /// States, as the service names them; any other word is ``unheard`` and never executes.
    public enum State: String, Sendable {
        case submitted, denied, cleared, pending, expired, cancelled, invalidated, claimed
        case revoked, lapsed, succeeded, failed, notStarted = "not_started", unknown, unheard
    }

    /// The action's id.
    public let id: String
    /// The action digest.
    public let digest: Hash256
    /// The operation digest that the service computed.
    public let operationDigest: Hash256
    /// The state.
    public let state: State
    /// Counts the changes.
    public let version: Int64
    /// The gate's name, as the service knows it.
    public let gate: String
    /// Outcomes are only claims.
    public let isAdvisory: Bool
    /// No seal yet: one person may have set everything up alone.
    public let isUnsealed: Bool
    /// Where a person looks at it.
    public let url: String?
    /// When silence becomes a denial.
    public let deadline: String?
    /// When it was submitted, by the service's clock.
    public let createdAt: String?
    /// Names of the persons who may decide.
    public let eligible: [String]
    /// Why policy wants a review or denies, as far as it says.
    public let reasons: [String]
    /// Who decided what so far, and the reasons they gave.
    public let decisions: [String]
    /// The claim, once there is one.
    public let claim: JSON?

    /// Reads an action; unknown members are ignored, missing ones are errors.
    /// - Throws: ``GateFailure``.
    public init(_ json: JSON) throws(GateFailure) {
        guard let id = json["id"]?.stringValue, Self.isID(id),
            let digest = json["digest"]?.stringValue.flatMap(Hash256.init(hex:)),
            let operation = json["operationDigest"]?.stringValue.flatMap(Hash256.init(hex:)),
            let state = json["state"]?.stringValue, let version = json["version"]?.intValue,
            let gate = json["gate"]?["id"]?.stringValue
        else { throw .unavailable("the answer is not an action: is this an Exequatur server?") }
        self.id = id
        self.digest = digest
        operationDigest = operation
        self.state = State(rawValue: state) ?? .unheard
        self.version = version
        self.gate = gate
        isAdvisory = json["advisory"]?.boolValue ?? true
        isUnsealed = json["unsealed"]?.boolValue ?? true
        url = json["url"]?.stringValue
        deadline = json["deadline"]?.stringValue
        createdAt = json["submittedAt"]?.stringValue
        eligible = (json["review"]?["eligible"]?.arrayValue ?? []).compactMap {
            $0["name"]?.stringValue ?? $0["id"]?.stringValue
        }
        let verdict = json["verdict"]
        reasons =
            (verdict?["reasons"]?.arrayValue ?? []).compactMap { $0["reason"]?.stringValue }
            + (verdict?["errors"]?.arrayValue ?? []).compactMap { $0["message"]?.stringValue }
        decisions = (json["decisions"]?.arrayValue ?? []).compactMap { decision in
            guard let person = decision["person"]?.stringValue,
                let kind = decision["decision"]?.stringValue
            else { return nil }
            let reason = decision["reason"]?.stringValue.map { ": \($0)" } ?? ""
            return "\(person) \(kind == "approve" ? "approved" : "denied")\(reason)"
        }
        claim = json["claim"].flatMap { $0.isNull ? nil : $0 }
    }

    /// An id goes into paths, so nothing but letters, digits and `_` is one.
    private static func isID(_ id: String) -> Bool {
        (1...128).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                    || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                    || (0x61...0x7A).contains(byte)
            }
    }
}
