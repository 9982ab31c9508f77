// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
public import TransparencyLog

/// What a claim must say for a gate to execute on it.
public struct ClaimExpectation: Sendable {
    /// The nonce that the gate made for this claim, 64 hexadecimal digits.
    public var nonce: String
    /// The gate that the action was submitted through.
    public var gate: String
    /// The action's id.
    public var action: String
    /// The action's digest, as it was when it was submitted.
    public var actionDigest: Hash256
    /// The digest of the operation that the gate froze itself.
    public var operationDigest: Hash256
    /// The log key that the gate pinned.
    public var logKey: VerifierKey

    /// Makes an expectation.
    public init(
        nonce: String, gate: String, action: String, actionDigest: Hash256,
        operationDigest: Hash256, logKey: VerifierKey
    ) {
        self.nonce = nonce
        self.gate = gate
        self.action = action
        self.actionDigest = actionDigest
        self.operationDigest = operationDigest
        self.logKey = logKey
    }
}

/// A claim that was proven to be in the log under the pinned key.
///
/// Nothing may be executed on it before its ``checkpoint`` was found consistent with the one
/// seen before, its nonce was recorded durably, and the time since the claim was sent, measured
/// monotonically, was found below ``window``.
public struct VerifiedClaim: Sendable, Hashable {
    /// How long after the claim was *sent* execution may start, at most 30 s.
    ///
    /// The server's own instants only give its length; which clock is right does not matter.
    public let window: Duration
    /// The tree head that covers the claim's entry.
    public let checkpoint: Checkpoint
    /// The signed note of that tree head, for the pin file.
    public let note: String
    /// Index of the claim's entry in the log.
    public let index: UInt64
}

/// Why a claim is not one to execute on.
public struct ClaimRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// A stable word for what is wrong.
    public enum Code: String, Sendable, CaseIterable {
        case malformed, wrongNonce, wrongGate, wrongAction, wrongDigest, wrongOperation
        case wrongKind, wrongWindow, notCommitted, notInLog, expired, nonceUsed, inconsistent
    }

    /// What is wrong.
    public let code: Code
    /// One line, lowercase.
    public let description: String

    /// Makes a refusal.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// Verification of a claim's entry, without any input or output.
public enum ClaimVerifier {
    /// The longest that a claim may allow between sending it and starting.
    public static let longestWindow = Duration.seconds(30)

    private static let commitmentPrefix = Array("exequatur/v1/core\n".utf8)

    /// Verifies the `claim` member of an action.
    ///
    /// In order: the core says what was asked for, the leaf commits to that very core, and the
    /// leaf is in the tree of a checkpoint that the pinned key signed. What is not understood is
    /// refused, and so is a member too many in a leaf or a core that would say something else to
    /// somebody else, because both are compared as bytes.
    /// - Parameters:
    ///   - claim: what the service answered.
    ///   - expectation: what it must say.
    ///   - seen: a tree head whose signature by the expected key was verified before; the same
    ///     note again costs no second look at it.
    /// - Returns: the claim, with what remains to be checked.
    /// - Throws: ``ClaimRefusal``.
    public static func verify(
        claim: JSON, expectation: ClaimExpectation,
        seen: (note: String, checkpoint: Checkpoint)? = nil
    ) throws(ClaimRefusal) -> VerifiedClaim {
        guard let entry = claim["entry"], let leafText = entry["leaf"]?.stringValue,
            let coreText = entry["core"]?.stringValue,
            let salt = entry["coreSalt"]?.stringValue.flatMap(Hash256.init(hex:)),
            let proofText = entry["proof"]?.stringValue
        else { throw ClaimRefusal(.malformed, "the claim has no entry with leaf, core and proof") }
        let leaf = try canonical(leafText, "leaf")
        let core = try canonical(coreText, "core")
        let window = try check(core: core, leaf: leaf, expectation)
        let bytes = Array(coreText.utf8)
        let commitment = Hash256.sha256(commitmentPrefix + salt.bytes + bytes)
        guard same(leaf["core"]?.stringValue, "sha256:" + commitment.hex) else {
            throw ClaimRefusal(.notCommitted, "the leaf does not commit to the core shown")
        }
        let proof: TLogProof
        let checkpoint: Checkpoint
        do {
            proof = try TLogProof(parsing: proofText)
            let hash = MerkleHash.leaf(Array(leafText.utf8))
            if let seen, seen.note.utf8.elementsEqual(proof.checkpoint.utf8) {
                checkpoint = seen.checkpoint
                try MerkleProof.verifyInclusion(
                    leaf: hash, index: proof.index, size: checkpoint.size, proof: proof.hashes,
                    root: checkpoint.root)
            } else {
                checkpoint = try proof.verify(leaf: hash, key: expectation.logKey)
            }
        } catch {
            throw ClaimRefusal(.notInLog, "the entry is not proven to be in the log: \(error)")
        }
        if let index = entry["index"]?.intValue, UInt64(exactly: index) != proof.index {
            throw ClaimRefusal(.notInLog, "the proof is for another entry than the one named")
        }
        return VerifiedClaim(
            window: window, checkpoint: checkpoint, note: proof.checkpoint, index: proof.index)
    }

    // MARK: core

    private static func check(
        core: JSON, leaf: JSON, _ expected: ClaimExpectation
    ) throws(ClaimRefusal) -> Duration {
        for json in [core, leaf] {
            guard json["v"]?.intValue == 1, same(json["kind"]?.stringValue, "action.claimed") else {
                throw ClaimRefusal(.wrongKind, "the entry is not a claim of version 1")
            }
        }
        try match(core["nonce"], expected.nonce, .wrongNonce, "nonce")
        try match(core["gate"], expected.gate, .wrongGate, "gate")
        try match(core["action"], expected.action, .wrongAction, "action")
        try match(leaf["ref"], expected.action, .wrongAction, "action of the leaf")
        try match(core["digest"], expected.actionDigest.hex, .wrongDigest, "action digest")
        try match(
            core["operation"], expected.operationDigest.hex, .wrongOperation, "operation digest")
        guard let at = leaf["at"]?.stringValue.flatMap(Instant.init),
            let startBy = core["startBy"]?.stringValue.flatMap(Instant.init)
        else { throw ClaimRefusal(.malformed, "the claim's instants cannot be read") }
        let window = Duration.milliseconds(startBy.milliseconds - at.milliseconds)
        guard window > .zero, window <= longestWindow else {
            throw ClaimRefusal(.wrongWindow, "the claim allows \(window) until the start")
        }
        return window
    }

    private static func match(
        _ found: JSON?, _ expected: String, _ code: ClaimRefusal.Code, _ name: String
    ) throws(ClaimRefusal) {
        guard same(found?.stringValue, expected) else {
            throw ClaimRefusal(code, "the claim names another \(name)")
        }
    }

    private static func same(_ left: String?, _ right: String) -> Bool {
        left?.utf8.elementsEqual(right.utf8) ?? false
    }

    private static func canonical(_ text: String, _ name: String) throws(ClaimRefusal) -> JSON {
        do {
            return try JSON(canonical: Array(text.utf8), limits: .default)
        } catch {
            throw ClaimRefusal(.malformed, "the claim's \(name) is not canonical JSON: \(error)")
        }
    }
}

/// An instant of RFC 3339 in UTC, as this service writes them: `2026-11-21T09:00:00.000Z`.
public struct Instant: Sendable, Hashable, Comparable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public let milliseconds: Int64

    /// Takes milliseconds since 1970-01-01T00:00:00Z.
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Reads the one form with milliseconds and `Z`; nil for any other.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        let form = Array("0000-00-00T00:00:00.000Z".utf8)
        guard bytes.count == form.count else { return nil }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        for (byte, model) in zip(bytes, form) {
            guard model == UInt8(ascii: "0") ? digits.contains(byte) : byte == model else {
                return nil
            }
        }
        func number(_ range: Range<Int>) -> Int64 {
            bytes[range].reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        let (hour, minute, second) = (number(11..<13), number(14..<16), number(17..<19))
        guard (1...12).contains(month), day >= 1, day <= Self.days(month, year), hour < 24,
            minute < 60, second < 60
        else { return nil }
        let days = Self.daysSinceEpoch(year, month, day)
        let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
        milliseconds = seconds * 1_000 + number(20..<23)
    }

    /// Earlier is less.
    public static func < (left: Instant, right: Instant) -> Bool {
        left.milliseconds < right.milliseconds
    }

    private static func days(_ month: Int64, _ year: Int64) -> Int64 {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return lengths[Int(month - 1)]
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar, counting years from March so
    /// that the leap day is the last of its year.
    private static func daysSinceEpoch(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
