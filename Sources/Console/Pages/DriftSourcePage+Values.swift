// SPDX-License-Identifier: Apache-2.0

extension DriftSourcePage: TemplatePage {
    var template: PageTemplate { .driftSource }

    var title: String { "\(row.id) · Drift" }

    var values: TemplateValues {
        row.values(now: shell.now)
            .merging(standingValues) { _, new in new }
            .merging(proposalValues) { _, new in new }
            .merging(deviationValues) { _, new in new }
    }

    private var standingValues: TemplateValues {
        [
            "statusMeaning": row.status.meaning, "every": Self.duration(every),
            "assetClass": assetClass, "observer": orAbsent(observer),
            "seal": sealValues(
                baseline.map { "V \($0.version)" } ?? "L.S.", isStruck: false
            ).merging(["tone": baseline == nil ? "open" : "good"]) { _, new in new },
            "baseline": orAbsent(baseline?.values(now: shell.now)),
            "settings": settings.map(\.values), "areSettingsWhole": settings.areWhole,
            "gaps": gaps.map { $0.values(now: shell.now) }, "gapCount": gaps.count,
            "isForAdministrators": !permission.mayDecide
                && (proposal != nil || !deviations.isEmpty),
            "obstacle": permission.mayDecide && !permission.isFresh
                && (proposal != nil || !deviations.isEmpty)
                ? DriftPermission.staleSignIn : false,
            "jump": mayApprove || mayDecide,
        ]
    }

    private var mayApprove: Bool {
        permission.mayDecide && permission.isFresh && proposal != nil
    }

    private var mayDecide: Bool { permission.mayDecide && !deviations.isEmpty }

    private var proposalValues: TemplateValues {
        var values: TemplateValues = [
            "proposal": orAbsent(proposal?.values(source: row.id, now: shell.now)),
            "mayApprove": mayApprove,
            "approveURL": ConsolePath.form(.approve, source: row.id),
        ]
        values["expectRoot"] = proposal?.card.root ?? ""
        return values
    }

    private var deviationValues: TemplateValues {
        [
            "hasDeviations": !deviations.isEmpty, "mayDecideSeveral": mayDecide,
            "mayAccept": mayDecide && permission.isFresh && observedRoot != nil
                && baseline != nil,
            "observedRoot": observedRoot ?? "",
            "decideURL": ConsolePath.form(.decide, source: row.id),
            "cut": row.open > deviations.count
                ? "The worst \(deviations.count) of \(row.open) are shown." : false,
            "rows": deviations.map { one in
                var values = one.values(now: shell.now)
                // Nobody accepts by a tick what the list does not show in full.
                values["isTickable"] = mayDecide && one.was.cut == nil && one.found.cut == nil
                values["isTooLong"] = mayDecide && (one.was.cut != nil || one.found.cut != nil)
                return values
            },
        ]
    }

    /// The longest unit that says it exactly.
    static func duration(_ seconds: Int) -> String {
        for (unit, size) in [("day", 86_400), ("hour", 3_600), ("minute", 60)]
        where seconds >= size && seconds % size == 0 {
            let count = seconds / size
            return count == 1 ? "every \(unit)" : "every \(count) \(unit)s"
        }
        return seconds == 1 ? "every second" : "every \(seconds) seconds"
    }
}

extension BaselineProposal {
    func values(source: String, now: ConsoleInstant) -> TemplateValues {
        let end = offset + leaves.count
        let url = ConsolePath.driftSource(source)
        return [
            "card": card.values(now: now), "leafCount": count, "isOne": count == 1,
            "leaves": leaves.map { leaf in
                [
                    "subject": leaf.subject, "document": leaf.document.values,
                ] as TemplateValues
            },
            "isPaged": count > leaves.count,
            "range": count > leaves.count && !leaves.isEmpty
                ? "\(offset + 1) to \(end)" : false,
            "earlierURL": offset > 0 ? "\(url)?from=\(max(0, offset - Self.pageSize))" : false,
            "laterURL": end < count ? "\(url)?from=\(end)" : false,
        ]
    }
}
