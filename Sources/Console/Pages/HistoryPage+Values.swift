// SPDX-License-Identifier: Apache-2.0

extension HistoryPage: TemplatePage {
    var template: PageTemplate { .history }

    var title: String { query.isEmpty ? "History" : "\(query) · History" }

    var values: TemplateValues {
        let isFiltered = !query.isEmpty || !state.isEmpty
        let isPaged = next != nil || !isFirstPage
        let newest =
            query.isEmpty && state.isEmpty
            ? ConsolePath.history : ConsolePath.history(query: query, state: state, before: "")
        return [
            "query": query, "states": states, "rows": rows.map { $0.values(now: shell.now) },
            "emptyText": isFiltered
                ? "No action matches. Try fewer words or another state."
                : "Nothing was asked for yet.",
            "isPaged": isPaged, "newestURL": isFirstPage ? false : newest,
            "nextURL": orAbsent(
                next.map { ConsolePath.history(query: query, state: state, before: $0) }),
        ]
    }

    private var states: [TemplateValues] {
        ConsoleState.allCases.filter { $0 != .unrecognised }.map { each in
            [
                "value": each.rawValue, "word": each.word,
                "isSelected": each.rawValue.utf8.elementsEqual(state.utf8),
            ]
        }
    }
}

extension HistoryRow {
    func values(now: ConsoleInstant) -> TemplateValues {
        let people = decidedBy.map(\.name).joined(separator: ", ")
        let values: TemplateValues = [
            "id": id, "url": ConsolePath.action(id), "action": action,
            "resourceType": resource.type, "resourceID": resource.id,
            "stateWord": state.word, "tone": state.tone, "severity": orAbsent(severity?.values),
            "submittedAt": submittedAt.values(now: now),
            "decidedBy": people.isEmpty ? false : people,
            "shortDigest": hexGroups(digest), "isAdvisory": isAdvisory,
            "isSelfApproved": isSelfApproved,
        ]
        return values.merging(requester.values) { _, new in new }
    }
}
