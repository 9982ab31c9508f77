// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON
internal import TransparencyLog

extension RemediationPlan {
    package var json: JSON {
        [
            "baseline": .string(baselineRoot.hex), "broadening": .bool(isBroadening),
            "changes": .array(changes.map(\.json)), "fields": .int(fields),
            "needsReview": .bool(needsReview), "observed": .string(observedRoot.hex),
            "refused": .array(
                refused.map {
                    [
                        "fingerprint": .string($0.fingerprint.hex), "reason": .string($0.reason),
                    ]
                }),
            "scope": .string(scope), "source": .string(source.text),
            "subjects": .int(changes.count),
        ]
    }

    /// Reads what ``json`` wrote; anything unknown is refused.
    package init(_ json: JSON, path: String = "plan") throws {
        var reader = try JSONReader(json, path: path)
        self.init(
            source: try reader.handle("source"), scope: try reader.string("scope"),
            observedRoot: try reader.hash("observed"),
            baselineRoot: try reader.hash("baseline"),
            changes: try reader.list("changes") { try Change($0, path: $1) },
            refused: try reader.objects("refused").map { one in
                var one = one
                let refusal = Refusal(
                    fingerprint: try one.hash("fingerprint"), reason: try one.string("reason"))
                try one.finish()
                return refusal
            },
            isBroadening: try reader.bool("broadening"),
            needsReview: try reader.bool("needsReview"))
        guard try reader.int("subjects") == Int64(changes.count),
            try reader.int("fields") == Int64(fields)
        else { throw DriftError("`\(path)`: it changes other than it says") }
        try reader.finish()
    }
}

extension RemediationPlan.Change {
    fileprivate var json: JSON {
        var object: JSONObject = [
            "fields": .array(fields.map(\.json)), "kind": .string(kind.rawValue), "patch": patch,
            "subject": .string(subject),
        ]
        if let document { object["document"] = document }
        return .object(object)
    }

    fileprivate init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        let patch = try JSONPatch(try reader.value("patch")).json
        self.init(
            subject: try reader.string("subject"), kind: try reader.choice("kind", Kind.self),
            patch: patch, document: reader.optionalValue("document"),
            fields: try reader.list("fields") { try RemediationPlan.Field($0, path: $1) })
        try reader.finish()
    }
}

extension RemediationPlan.Field {
    fileprivate var json: JSON {
        var object: JSONObject = [
            "fingerprint": .string(fingerprint.hex), "pointer": .string(pointer.description),
        ]
        if let post { object["post"] = post }
        return .object(object)
    }

    fileprivate init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        self.init(
            fingerprint: try reader.hash("fingerprint"),
            pointer: try JSONPointer(parsing: try reader.string("pointer")),
            post: reader.optionalValue("post"))
        try reader.finish()
    }
}
