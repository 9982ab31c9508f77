// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON
internal import TransparencyLog

extension Episode {
    package var json: JSON {
        var object: JSONObject = [
            "agreeing": .integer(agreeing), "attribution": attribution.json,
            "deviation": deviation.json, "direction": .string(direction.rawValue),
            "fingerprint": .string(fingerprint.hex),
            "firstSeen": .string(firstSeen.description), "flips": .integer(flips),
            "flipsSince": .string(flipsSince.description), "fought": .integer(fought),
            "from": .string(interval.from.description), "hits": .integer(hits),
            "lastSeen": .string(lastSeen.description), "severity": .string(severity.text),
            "state": .string(state.rawValue), "to": .string(interval.to.description),
            "value": .string(valueDigest.hex),
        ]
        if let explanation { object["explanation"] = explanation.json }
        if let ending { object["ending"] = .string(ending.rawValue) }
        if let told { object["told"] = .string(told.description) }
        if let toldValue { object["toldValue"] = .string(toldValue.hex) }
        if let toldSeverity { object["toldSeverity"] = .string(toldSeverity.text) }
        if let missing { object["missing"] = missing.json }
        if let ignoredBy { object["ignoredBy"] = .string(ignoredBy.text) }
        if let acknowledgedBy { object["acknowledgedBy"] = .string(acknowledgedBy.text) }
        return .object(object)
    }

    /// Reads what ``json`` wrote; unknown members are refused.
    package init(_ json: JSON, path: String = "episode") throws {
        var reader = try JSONReader(json, path: path)
        let interval = ChangeInterval(
            from: try reader.timestamp("from"), to: try reader.timestamp("to"))
        let explanation = reader.optionalValue("explanation")
        let ending = try reader.optionalString("ending").map { text in
            guard let ending = Ending(rawValue: text) else {
                throw DriftError("`\(path).ending`: `\(VisibleText.escape(text))` is unknown")
            }
            return ending
        }
        let missing = reader.optionalValue("missing")
        self.init(
            fingerprint: try reader.hash("fingerprint"),
            deviation: try Deviation(
                try reader.value("deviation"), path: "\(path).deviation"),
            valueDigest: try reader.hash("value"),
            attribution: try Attribution(
                try reader.value("attribution"), path: "\(path).attribution"),
            explanation: try explanation.map { try Attribution($0, path: "\(path).explanation") },
            direction: try reader.choice("direction", DriftDirection.self),
            severity: try reader.severity("severity"),
            state: try reader.choice("state", State.self), ending: ending,
            firstSeen: try reader.timestamp("firstSeen"),
            lastSeen: try reader.timestamp("lastSeen"), hits: try reader.int("hits"),
            interval: interval, agreeing: try reader.int("agreeing"),
            flips: try reader.int("flips"), flipsSince: try reader.timestamp("flipsSince"),
            told: try reader.optionalTimestamp("told"),
            toldValue: try reader.hashIfPresent("toldValue"),
            toldSeverity: try reader.optionalString("toldSeverity").map {
                try Self.severity($0, path: "\(path).toldSeverity")
            },
            missing: try missing.map { try EffectKey($0, path: "\(path).missing") },
            ignoredBy: try reader.optionalHandle("ignoredBy"),
            acknowledgedBy: try reader.optionalHandle("acknowledgedBy"),
            fought: try reader.int("fought"))
        try reader.finish()
    }

    fileprivate static func severity(_ text: String, path: String) throws -> DriftSeverity {
        guard let severity = DriftSeverity(text) else {
            throw DriftError("`\(path)`: `\(VisibleText.escape(text))` is unknown")
        }
        return severity
    }
}

extension JSONReader {
    mutating func severity(_ key: String) throws -> DriftSeverity {
        try Episode.severity(try string(key), path: "\(path).\(key)")
    }

    /// Elements read one by one, with the place of each for messages.
    mutating func list<Element>(
        _ key: String, _ read: (JSON, String) throws -> Element
    ) throws -> [Element] {
        try array(key).enumerated().map { try read($0.element, "\(path).\(key)[\($0.offset)]") }
    }
}

extension EffectKey {
    var json: JSON { ["action": .string(action.text), "number": .int(number)] }

    init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        self.init(
            action: try reader.actionID("action"), number: Int(try reader.int("number")))
        try reader.finish()
    }
}

extension OpenGap {
    package var json: JSON {
        [
            "cause": .string(gap.cause.rawValue), "detail": .string(gap.detail),
            "hits": .integer(hits), "lastSeen": .optional(lastSeen),
            "since": .string(since.description), "subject": .optional(gap.subject),
            "told": .string(told.description),
        ]
    }

    init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        self.init(
            gap: CoverageGap(
                subject: try reader.optionalString("subject"),
                cause: try reader.choice("cause", CoverageGap.Cause.self),
                detail: try reader.string("detail")),
            since: try reader.timestamp("since"),
            lastSeen: try reader.optionalTimestamp("lastSeen"), hits: try reader.int("hits"),
            told: try reader.timestamp("told"))
        try reader.finish()
    }
}

extension BaselineVersion {
    package var json: JSON {
        [
            "approvedBy": .optional(approvedBy), "at": .string(at.description),
            "capturedAt": .string(capturedAt.description),
            "derivedFrom": .array(derivedFrom.map { .string($0.text) }),
            "origin": .string(origin.rawValue), "parent": .optional(parent?.hex),
            "root": .string(root.hex), "version": .integer(version),
        ]
    }

    /// Reads what ``json`` wrote; unknown members are refused.
    package init(_ json: JSON, path: String = "baseline") throws {
        var reader = try JSONReader(json, path: path)
        self.init(
            version: try reader.int("version"), parent: try reader.optionalHash("parent"),
            root: try reader.hash("root"), origin: try reader.choice("origin", Origin.self),
            derivedFrom: try reader.strings("derivedFrom").map { text in
                guard let id = ActionID(text) else {
                    throw DriftError("`\(path).derivedFrom`: not an action id")
                }
                return id
            },
            approvedBy: try reader.optionalHandle("approvedBy"), at: try reader.timestamp("at"),
            capturedAt: try reader.timestamp("capturedAt"))
        try reader.finish()
    }
}
