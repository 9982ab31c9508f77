// SPDX-License-Identifier: Apache-2.0

extension InboxPage: TemplatePage {
    var template: PageTemplate { .inbox }

    var title: String { totalPending > 0 ? "(\(totalPending)) Inbox" : "Inbox" }

    var values: TemplateValues {
        let own = items.filter(\.awaitsViewer)
        let others = items.filter { !$0.awaitsViewer }
        let cut = totalPending > items.count
        return [
            "headline": headline(own: own.count),
            "cut": cut ? "The \(items.count) most urgent of \(totalPending) are shown." : false,
            "isEmpty": items.isEmpty,
            "groups": [
                group("yours", "Waiting for you", own),
                group("others", "Waiting for others", others),
            ].filter { !($0["items"] as? [TemplateValues] ?? []).isEmpty },
        ]
    }

    private func headline(own: Int) -> String {
        switch (own, totalPending) {
        case (_, 0): "All quiet"
        case (0, _): "Nothing for you"
        case (1, _): "One action waits for you"
        default: "\(own) actions wait for you"
        }
    }

    private func group(_ anchor: String, _ title: String, _ items: [InboxItem]) -> TemplateValues {
        [
            "anchor": anchor, "groupTitle": title, "size": items.count,
            "items": items.map { $0.values(now: shell.now) },
        ]
    }
}

extension InboxItem {
    func values(now: ConsoleInstant) -> TemplateValues {
        let values: TemplateValues = [
            "id": id, "version": version, "url": ConsolePath.action(id), "action": action,
            "resourceType": resource.type, "resourceID": resource.id,
            "summary": orAbsent(summary), "severity": severity.values,
            "severityName": severity.rawValue, "submittedAt": submittedAt.values(now: now),
            "deadline": deadline.countdownValues(now: now), "slots": slots.map(\.values),
            "shortDigest": hexGroups(digest), "isAdvisory": isAdvisory,
            "viewerNote": orAbsent(viewerNote),
            "hasMarks": isAdvisory || viewerNote != nil,
        ]
        return values.merging(requester.values) { _, new in new }
    }
}
