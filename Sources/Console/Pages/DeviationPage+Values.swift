// SPDX-License-Identifier: Apache-2.0

extension DeviationPage: TemplatePage {
    var template: PageTemplate { .deviation }

    var title: String { "\(row.subject)\(row.path) · Drift" }

    var values: TemplateValues {
        row.values(now: shell.now)
            .merging(explanationValues) { _, new in new }
            .merging(standingValues) { _, new in new }
            .merging(documentValues) { _, new in new }
            .merging(formValues) { _, new in new }
    }

    private var explanationValues: TemplateValues {
        [
            "verdictMeaning": row.verdict.meaning, "isObserved": isObserved,
            "action": orAbsent(action),
            "actionURL": orAbsent(action.map(ConsolePath.action)),
            "actionLabel": row.verdict.tone == "good" ? "Explained by" : "Comes nearest",
            "ladder": ConsoleDriftVerdict.ladder.map { step in
                [
                    "step": step.word, "stepMeaning": step.meaning,
                    "isHere": step == row.verdict,
                ] as TemplateValues
            },
        ]
    }

    private var standingValues: TemplateValues {
        [
            "stateWord": row.state.word, "tone": row.state.tone,
            "stateMeaning": ending ?? row.state.meaning,
            "seal": sealValues(row.state.sealWord, isStruck: row.state == .closed),
            "scope": scope, "operation": operationWord, "hits": hits, "isOnce": hits == 1,
            "directionWord": row.direction.word, "directionMeaning": row.direction.meaning,
            "lastSeen": lastSeen.values(now: shell.now), "after": after.values(now: shell.now),
            "before": before.values(now: shell.now),
            "acknowledgedBy": orAbsent(acknowledgedBy), "ignoredBy": orAbsent(ignoredBy),
            "fixedBy": orAbsent(fixedBy),
            "fixes": fixes,
            "fixedByURL": orAbsent(fixedBy.map(ConsolePath.action)),
            "jump": mayAccept || mayAcknowledge,
        ]
    }

    private var operationWord: String {
        switch operation {
        case "add": "Added"
        case "remove": "Removed"
        case "replace": "Another value"
        case "retype": "A value of another type"
        case "reorder": "Another order"
        default: operation
        }
    }

    private var documentValues: TemplateValues {
        [
            "expectedLines": (expectedDocument ?? []).map(\.values),
            "foundLines": (foundDocument ?? []).map(\.values),
            "isExpectedWhole": (expectedDocument ?? []).areWhole,
            "isFoundWhole": (foundDocument ?? []).areWhole,
            "hasExpected": expectedDocument != nil, "hasFound": foundDocument != nil,
            "hasDocuments": expectedDocument != nil || foundDocument != nil,
        ]
    }

    private var isOpen: Bool { row.state == .open || row.state == .acknowledged }

    /// Offered only to who may do it, and never where something can't be shown in full.
    private var mayAccept: Bool {
        guard permission.mayDecide, permission.isFresh, isOpen else { return false }
        switch acceptance {
        case .value(let value, _, _): return value.cut == nil
        case .givenUp: return true
        case .impossible: return false
        }
    }

    private var mayAcknowledge: Bool { permission.mayDecide && row.state == .open }

    private var formValues: TemplateValues {
        var values: TemplateValues = [
            "mayAccept": mayAccept, "mayAcknowledge": mayAcknowledge,
            "isForAdministrators": isOpen && !permission.mayDecide,
            "obstacle": orAbsent(obstacle),
            // An effect that did not come is for an action of its own.
            "isFixable": isOpen && row.verdict != .missingEffect,
            "acceptURL": ConsolePath.form(.accept, deviation: row.id),
            "acknowledgeURL": ConsolePath.form(.acknowledge, deviation: row.id),
            "accepted": false, "isGivenUp": false, "nextVersion": false, "observedRoot": false,
            "shortObserved": [String](),
        ]
        switch acceptance {
        case .value(let value, let version, let root):
            values["accepted"] = value.values
            values["nextVersion"] = version
            values["observedRoot"] = root
            values["shortObserved"] = hexGroups(root)
        case .givenUp(let root):
            values["isGivenUp"] = true
            values["observedRoot"] = root
            values["shortObserved"] = hexGroups(root)
        case .impossible: break
        }
        return values
    }

    /// Why an administrator finds no button to accept it.
    private var obstacle: String? {
        guard isOpen, permission.mayDecide, !mayAccept else { return nil }
        switch acceptance {
        case .impossible(let why): return why
        case .value(let value, _, _) where value.cut != nil:
            return "The value can’t be shown here in full, so it can’t be accepted here."
        default: return DriftPermission.staleSignIn
        }
    }
}

extension DriftPermission {
    static let staleSignIn =
        "Sign in again to change the baseline: this needs a sign-in that is at most 10 minutes old."
}
