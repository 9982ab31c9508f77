// SPDX-License-Identifier: Apache-2.0

extension LedgerPage: TemplatePage {
    var template: PageTemplate { .ledger }

    var title: String { "Ledger" }

    var values: TemplateValues {
        [
            "origin": origin, "size": size, "root": root, "verifierKey": verifierKey,
            "checkpoint": checkpoint, "witnesses": witnesses,
            "checkpointURL": ConsolePath.checkpoint, "verifierKeyURL": ConsolePath.verifierKey,
            "soughtText": sought.map { "\($0)" } ?? "",
            "entries": entries.map { $0.values(now: shell.now, sought: sought) },
            "isPaged": older != nil || newer != nil,
            "olderURL": orAbsent(older.map { "\(ConsolePath.ledger)?from=\($0)" }),
            "newerURL": orAbsent(newer.map { "\(ConsolePath.ledger)?from=\($0)" }),
        ]
    }
}

extension LedgerRow {
    func values(now: ConsoleInstant, sought: Int?) -> TemplateValues {
        let bodyNote: Any =
            switch body {
            case .present: false
            case .erased: "body erased"
            case .missing: "body missing"
            }
        return [
            "index": index, "at": at.values(now: now), "kind": kind, "ref": ref, "seq": seq,
            "refURL": isAction ? ConsolePath.action(ref) : false, "bodyNote": bodyNote,
            "bodyTone": body == .missing ? "alarm" : "void",
            "shortLeaf": hexGroups(leafHash), "isSought": index == sought,
        ]
    }
}
