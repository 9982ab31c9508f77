// SPDX-License-Identifier: Apache-2.0

package import Cedar

/// What the annotations of one policy mean for reviews (DESIGN §7), parsed once at publish.
package struct ReviewMarker: Sendable, Hashable {
    /// Nil for a policy without `@review`.
    package let requirement: Requirement?
    package let reason: String?
    package let advice: String?

    private static let defaultExpiry = Span(seconds: 3600)
    private static let defaultGrant = Span(seconds: 600)

    /// Reads the annotations of a policy; unknown names are errors unless they begin with `x_`.
    package init(_ policy: Policy) throws(MarkerError) {
        var values: [String: String] = [:]
        for annotation in policy.annotations {
            let name = annotation.name
            if name.hasPrefix("x_") { continue }
            guard Self.known.contains(name) else {
                throw MarkerError(
                    policy: policy.id,
                    reason: "unknown annotation `@\(VisibleText.escape(name))`: correct it, or "
                        + "begin its name with `x_`")
            }
            values[name] = annotation.value
        }
        reason = values["reason"]
        advice = values["advice"]
        if let long = [reason, advice].compactMap({ $0 }).first(where: {
            $0.utf8.count > Limits.reasonBytes
        }) {
            throw MarkerError(
                policy: policy.id,
                reason:
                    "a text of \(long.utf8.count) bytes is longer than \(Limits.reasonBytes)")
        }
        requirement = try Self.requirement(values, policy: policy)
    }

    private static let known: Set<String> = [
        "id", "review", "quorum", "expires", "assurance", "severity", "reason", "advice", "grant",
        "escalate", "breakglass",
    ]
    private static let onlyWithReview = [
        "quorum", "expires", "assurance", "severity", "grant", "escalate", "breakglass",
    ]

    private static func requirement(
        _ values: [String: String], policy: Policy
    ) throws(MarkerError) -> Requirement? {
        func fail(_ reason: String) -> MarkerError {
            MarkerError(policy: policy.id, reason: reason)
        }
        guard let review = values["review"] else {
            if let stray = onlyWithReview.first(where: { values[$0] != nil }) {
                throw fail("`@\(stray)` means nothing without `@review`")
            }
            return nil
        }
        guard policy.effect == .forbid else {
            throw fail("`@review` marks a `forbid`, never a `permit`: turn the rule round")
        }
        let groups = try Self.groups(review, name: "review", fail)
        let quorum = try number(values["quorum"], else: 1, name: "quorum", fail)
        let expires = try span(values["expires"], else: defaultExpiry, name: "expires", fail)
        let grant = try span(values["grant"], else: defaultGrant, name: "grant", fail)
        let severity = try choice(values["severity"], else: Severity.medium, "severity", fail)
        let assurance = try choice(values["assurance"], else: Assurance.token, "assurance", fail)
        let escalations = try escalations(values["escalate"], within: expires, fail)
        let breakGlass = try values["breakglass"].map { text throws(MarkerError) in
            try Self.groups(text, name: "breakglass", fail)
        }
        guard
            let requirement = Requirement(
                slots: groups.map {
                    Slot(group: $0, quorum: quorum, escalations: escalations)
                }, expires: expires, grant: grant, severity: severity, assurance: assurance,
                breakGlass: breakGlass ?? [])
        else {
            throw fail(
                "`@review`, `@breakglass`: 1 to \(Limits.slotGroups) different groups; "
                    + "`@escalate`: at most \(Limits.escalations), each group once")
        }
        return requirement
    }

    private static func groups(
        _ text: String, name: String, _ fail: (String) -> MarkerError
    ) throws(MarkerError) -> [Handle] {
        var groups: [Handle] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let group = Handle(part.trimmingSpaces) else {
                throw fail("`@\(name)`: `\(VisibleText.escape(String(part)))` is not a group")
            }
            groups.append(group)
        }
        return groups
    }

    /// `10m:leads, 30m:directors`: who else may decide, and from when on.
    private static func escalations(
        _ text: String?, within expires: Span, _ fail: (String) -> MarkerError
    ) throws(MarkerError) -> [Escalation] {
        guard let text else { return [] }
        var result: [Escalation] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = part.split(
                separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, let after = Span(halves[0].trimmingSpaces),
                let group = Handle(halves[1].trimmingSpaces)
            else {
                throw fail(
                    "`@escalate`: `\(VisibleText.escape(String(part)))` is not a time and a group "
                        + "such as `10m:leads`")
            }
            guard after < expires else {
                throw fail(
                    "`@escalate`: `\(group)` would be asked after \(after.seconds) s, and the "
                        + "review ends after \(expires.seconds) s: give it a longer `@expires`")
            }
            result.append(Escalation(after: after, group: group))
        }
        return result
    }

    private static func number(
        _ text: String?, else fallback: Int, name: String, _ fail: (String) -> MarkerError
    ) throws(MarkerError) -> Int {
        guard let text else { return fallback }
        guard let value = Int(text), String(value) == text, value >= 1,
            value <= Int(Limits.quorum)
        else {
            throw fail(
                "`@\(name)`: `\(VisibleText.escape(text))` is not a number from 1 to "
                    + "\(Limits.quorum)")
        }
        return value
    }

    private static func span(
        _ text: String?, else fallback: Span?, name: String, _ fail: (String) -> MarkerError
    ) throws(MarkerError) -> Span {
        guard let span = text.map(Span.init) ?? fallback else {
            throw fail(
                "`@\(name)`: `\(VisibleText.escape(text ?? ""))` is not a length of time "
                    + "such as `30m`, at most 30 days")
        }
        return span
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ text: String?, else fallback: Choice, _ name: String, _ fail: (String) -> MarkerError
    ) throws(MarkerError) -> Choice where Choice.RawValue == String {
        guard let text else { return fallback }
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            throw fail("`@\(name)`: `\(VisibleText.escape(text))` is none of \(all)")
        }
        return choice
    }
}

/// A policy whose annotations can't be understood; it is refused at publish.
package struct MarkerError: Error, Sendable, Hashable, CustomStringConvertible {
    package let policy: String
    package let reason: String
    package var description: String { "policy `\(VisibleText.escape(policy))`: \(reason)" }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
