// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON
package import DriftCore
internal import TransparencyLog

extension DriftReport {
    /// Whether anything happened that the ledger has to have.
    ///
    /// What is explained is an episode that was opened, or a new baseline; an effect that was seen
    /// must not explain anything again after a restart.
    var isNews: Bool {
        !opened.isEmpty || !changed.isEmpty || !closed.isEmpty || !seen.isEmpty
            || !missing.isEmpty || !gapsOpened.isEmpty || !gapsClosed.isEmpty || !alerts.isEmpty
            || newBaseline != nil || proposed != nil
    }

    /// What the core of the entry says: counts, and which actions explain something.
    func summary(_ observation: Observation) -> JSON {
        let actions = Set(explained.compactMap(\.attribution.action?.text)).sorted()
        return [
            "alerts": .int(alerts.count), "changed": .int(changed.count),
            "closed": .int(closed.count), "ended": .string(observation.ended.description),
            "explained": .int(explained.count),
            "explainedBy": .array(actions.prefix(Self.listed).map(JSON.string)),
            "gaps": .int(observation.gaps.count), "ignored": .int(ignored.count),
            "missing": .int(missing.count), "opened": .int(opened.count),
            "started": .string(observation.started.description),
            "status": .string(observation.status.rawValue),
        ]
    }

    /// Deviations that an entry's body spells out; the rest is in the state it commits to.
    private static let listed = 100

    /// What the body of the entry has: the deviations, with values.
    var body: JSON {
        // Whatever was found, an entry about it can be written.
        var room = Self.listedBytes
        func list(_ members: [JSON]) -> JSON {
            .array(
                members.prefix { one in
                    room -= (try? one.canonicalBytes().count) ?? Self.listedBytes
                    return room >= 0
                })
        }
        func list(_ episodes: [Episode]) -> JSON {
            list(episodes.prefix(Self.listed).map(\.wire))
        }
        // The worst first, as far as there is room.
        let (opened, missing) = (list(opened), list(missing))
        let gapsOpened = list(gapsOpened.prefix(Self.listed).map(\.wire))
        return [
            "changed": list(changed), "closed": list(closed),
            "explained": list(
                explained.prefix(Self.listed).map { one in
                    var object = one.deviation.wire
                    object["attribution"] = one.attribution.wire
                    return .object(object)
                }),
            "gapsClosed": list(gapsClosed.prefix(Self.listed).map(\.wire)),
            "gapsOpened": gapsOpened,
            "ignored": list(
                ignored.prefix(Self.listed).map { one in
                    var object = one.deviation.wire
                    object["rule"] = .string(one.rule.text)
                    return .object(object)
                }),
            "missing": missing, "opened": opened,
        ]
    }

    /// Bytes of all lists of a body together; an entry takes ``Limits/bodyBytes``.
    private static let listedBytes = 4 * 1_048_576
}

extension Deviation {
    /// How the API and the ledger write it; of a long place the beginning, and its digest.
    package var wire: JSONObject {
        [
            "after": after ?? .null, "before": before ?? .null,
            "operation": .string(operation.rawValue), "path": .string(path.description.shortened),
            "pointer": .string(pointer.description.shortened), "scope": .string(scope),
            "source": .string(source.text), "subject": .string(subject),
        ]
    }
}

extension Attribution {
    package var wire: JSON {
        [
            "action": .optional(action?.text), "effect": effect.map { .int($0) } ?? .null,
            "observed": .bool(isObserved), "reason": .string(reason),
            "verdict": .string(verdict.rawValue),
        ]
    }
}

extension Episode {
    package var wire: JSON {
        var object = deviation.wire
        object["acknowledgedBy"] = .optional(acknowledgedBy)
        object["attribution"] = attribution.wire
        object["direction"] = .string(direction.rawValue)
        object["ending"] = .optional(ending?.rawValue)
        object["firstSeen"] = .string(firstSeen.description)
        object["hits"] = .integer(hits)
        object["id"] = .string(fingerprint.hex)
        object["ignoredBy"] = .optional(ignoredBy)
        object["lastSeen"] = .string(lastSeen.description)
        object["missing"] = .optional(missing?.action.text)
        object["severity"] = .string(severity.text)
        object["state"] = .string(state.rawValue)
        return .object(object)
    }
}

extension OpenGap {
    package var wire: JSON {
        [
            "cause": .string(gap.cause.rawValue), "detail": .string(gap.detail),
            "since": .string(since.description), "subject": .optional(gap.subject),
        ]
    }
}

extension BaselineVersion {
    package var wire: JSON {
        [
            "approvedBy": .optional(approvedBy), "at": .string(at.description),
            "derivedFrom": .array(derivedFrom.map { .string($0.text) }),
            "origin": .string(origin.rawValue), "parent": .optional(parent?.hex),
            "root": .string(root.hex), "version": .integer(version),
        ]
    }
}
