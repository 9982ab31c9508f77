// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON
package import TransparencyLog

extension DriftMachine {
    /// The version of the format that ``json`` writes.
    private static let format: Int64 = 1

    /// All of the state; equal machines have equal canonical bytes.
    package var json: JSON {
        [
            "baseline": baseline?.json ?? .null, "closed": Self.list(closed),
            "comparedRoot": .optional(comparedRoot?.hex),
            "createdAt": .string(createdAt.description),
            "derivedSeen": .array(
                derivedSeen.sorted().map {
                    ["effect": $0.effect.json, "place": .int($0.place)]
                }),
            "episodes": Self.list(episodes), "flood": flood?.json ?? .null,
            "gaps": .array(gaps.map(\.json)), "last": last?.json ?? .null,
            "lastSeen": .optional(lastSeen), "proposed": proposed?.json ?? .null,
            "remediations": .array(
                remediations.sorted { $0.key.hex < $1.key.hex }.map {
                    ["digest": .string($0.key.hex), "running": $0.value.json]
                }),
            "settlements": .array(
                settlements.sorted { $0.key < $1.key }.map {
                    [
                        "at": .string($0.value.at.description), "effect": $0.key.json,
                        "kind": .string($0.value.kind.rawValue),
                    ]
                }),
            "source": source.json, "tallies": .array(tallies.map(\.json)),
            "v": .integer(Self.format), "wantsProposal": .bool(wantsProposal),
        ]
    }

    private static func list(_ episodes: [Hash256: Episode]) -> JSON {
        .array(episodes.values.sorted(by: Episode.precedes).map(\.json))
    }

    /// Reads what ``json`` wrote; anything unknown is refused, and so is another version.
    package init(_ json: JSON) throws {
        var reader = try JSONReader(json, path: "drift")
        guard try reader.int("v") == Self.format else {
            throw DriftError("`drift.v`: only version \(Self.format) is known; update the server")
        }
        self.init(
            source: try DriftSource(try reader.value("source"), path: "drift.source"),
            now: try reader.timestamp("createdAt"))
        baseline = try reader.ifAny("baseline") { try BaselineVersion($0, path: $1) }
        proposed = try reader.ifAny("proposed") { try BaselineVersion($0, path: $1) }
        last = try reader.ifAny("last") { try ObservationRecord($0, path: $1) }
        flood = try reader.ifAny("flood") { try FloodMarker($0, path: $1) }
        lastSeen = try reader.optionalTimestamp("lastSeen")
        comparedRoot = try reader.optionalHash("comparedRoot")
        wantsProposal = try reader.bool("wantsProposal")
        episodes = try Self.episodes(&reader, "episodes")
        closed = try Self.episodes(&reader, "closed")
        gaps = try reader.list("gaps") { try OpenGap($0, path: $1) }
        tallies = try reader.list("tallies") { try IgnoreTally($0, path: $1) }
        for (key, value) in try reader.list("settlements", Self.settlement) {
            guard settlements.updateValue(value, forKey: key) == nil else {
                throw DriftError("`drift.settlements`: `\(key.action)` is there twice")
            }
        }
        derivedSeen = Set(try reader.list("derivedSeen", Self.derivedKey))
        for (key, value) in try reader.list("remediations", Self.remediation) {
            remediations[key] = value
        }
        try reader.finish()
        // What is not in its one canonical order was not written by `json`.
        guard self.json == json else {
            throw DriftError("`drift`: the state is not in canonical order")
        }
    }

    private static func episodes(
        _ reader: inout JSONReader, _ key: String
    ) throws -> [Hash256: Episode] {
        var episodes: [Hash256: Episode] = [:]
        for episode in try reader.list(key, { try Episode($0, path: $1) }) {
            episodes[episode.fingerprint] = episode
        }
        return episodes
    }

    private static func settlement(
        _ json: JSON, _ path: String
    ) throws -> (EffectKey, EffectSettlement) {
        var reader = try JSONReader(json, path: path)
        let key = try EffectKey(try reader.value("effect"), path: "\(path).effect")
        let settlement = EffectSettlement(
            kind: try reader.choice("kind", EffectSettlement.Kind.self),
            at: try reader.timestamp("at"))
        try reader.finish()
        return (key, settlement)
    }

    private static func derivedKey(_ json: JSON, _ path: String) throws -> DerivedKey {
        var reader = try JSONReader(json, path: path)
        let key = DerivedKey(
            effect: try EffectKey(try reader.value("effect"), path: "\(path).effect"),
            place: Int(try reader.int("place")))
        try reader.finish()
        return key
    }

    private static func remediation(
        _ json: JSON, _ path: String
    ) throws -> (Hash256, RunningRemediation) {
        var reader = try JSONReader(json, path: path)
        let digest = try reader.hash("digest")
        let running = try RunningRemediation(
            try reader.value("running"), path: "\(path).running")
        try reader.finish()
        return (digest, running)
    }

    /// SHA-256 of the canonical form of ``json``; the ledger commits to it.
    package var digest: Hash256 {
        get throws { .sha256(try json.canonicalBytes()) }
    }
}

extension JSONReader {
    /// What a member holds, or nil for `null`.
    fileprivate mutating func ifAny<Element>(
        _ key: String, _ read: (JSON, String) throws -> Element
    ) throws -> Element? {
        let json = try value(key)
        return json.isNull ? nil : try read(json, "\(path).\(key)")
    }
}

extension ObservationRecord {
    package var json: JSON {
        [
            "ended": .string(ended.description), "root": .optional(root?.hex),
            "started": .string(started.description), "status": .string(status.rawValue),
        ]
    }

    fileprivate init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        self.init(
            started: try reader.timestamp("started"), ended: try reader.timestamp("ended"),
            status: try reader.choice("status", Observation.Status.self),
            root: try reader.optionalHash("root"))
        try reader.finish()
    }
}

extension FloodMarker {
    fileprivate var json: JSON {
        [
            "count": .integer(count), "severity": .string(severity.text),
            "since": .string(since.description), "told": .string(told.description),
            "toldSeverity": .string(toldSeverity.text),
        ]
    }

    fileprivate init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        self.init(
            since: try reader.timestamp("since"), count: try reader.int("count"),
            severity: try reader.severity("severity"), told: try reader.timestamp("told"),
            toldSeverity: try reader.severity("toldSeverity"))
        try reader.finish()
    }
}

extension IgnoreTally {
    package var json: JSON {
        [
            "hits": .integer(hits), "lastHit": .optional(lastHit), "rule": .string(rule.text),
            "since": .string(since.description),
        ]
    }

    fileprivate init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        self.init(
            rule: try reader.handle("rule"), hits: try reader.int("hits"),
            since: try reader.timestamp("since"),
            lastHit: try reader.optionalTimestamp("lastHit"))
        try reader.finish()
    }
}

extension RunningRemediation {
    fileprivate var json: JSON {
        [
            "action": .string(action.text),
            "fingerprints": .array(fingerprints.map { .string($0.hex) }),
            "since": .string(since.description),
            "subjects": .array(subjects.map(JSON.string)),
        ]
    }

    fileprivate init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        self.init(
            action: try reader.actionID("action"), since: try reader.timestamp("since"),
            subjects: try reader.strings("subjects"),
            fingerprints: try reader.strings("fingerprints").map { text in
                guard let hash = Hash256(hex: text) else {
                    throw DriftError("`\(path).fingerprints`: expected 64 lower-case hex digits")
                }
                return hash
            })
        try reader.finish()
    }
}
