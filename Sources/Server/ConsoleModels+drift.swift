// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Console
internal import ControlPlane
internal import DriftCore
internal import HTTPTypes
internal import TransparencyLog

extension ConsoleModels {
    /// The most deviations, and gaps, that one page lists.
    private static let listed = 200
    /// The most bytes of a value in a list, in a list of things to choose, and on its own page.
    private static let listBytes = 120
    private static let choiceBytes = 400
    private static let valueBytes = 20_000
    private static let leafBytes = 4_000

    /// Open deviations of all sources, for the navigation.
    func openDeviations() -> Int {
        control.driftStandings().reduce(0) { $0 + open($1.machine).count }
    }

    private func open(_ machine: DriftMachine) -> [Episode] {
        machine.episodes.values.filter { $0.state == .open || $0.state == .acknowledged }
    }

    var driftPermission: DriftPermission {
        guard let session else { return DriftPermission(mayDecide: false, isFresh: false) }
        return DriftPermission(
            mayDecide: control.isAdministrator(.person(session.person)),
            isFresh: control.assurance(of: session) >= .console)
    }

    // MARK: all sources

    func driftPage() throws -> DriftPage {
        let standings = control.driftStandings()
        var query = DriftQuery()
        query.limit = Self.listed
        let gaps = standings.flatMap { standing in
            standing.machine.gaps.map { gap($0, of: standing.machine.source.id) }
        }
        let rules = governance.drift.ignoreRules.values.sorted { $0.id < $1.id }
        let tallies = standings.flatMap(\.machine.tallies)
        let findings = IgnoreRule.findings(rules, tallies: tallies, now: now)
        return DriftPage(
            shell: try shell(), sources: standings.map(sourceRow),
            deviations: try control.deviations(query).map { row($0, limit: Self.listBytes) },
            openCount: standings.reduce(0) { $0 + open($1.machine).count },
            gaps: Array(gaps.prefix(Self.listed)), gapCount: gaps.count,
            rules: rules.map { rule in
                ruleRow(
                    rule, tallies.filter { $0.rule == rule.id },
                    findings.first { $0.rule == rule.id }?.kind)
            })
    }

    private func sourceRow(_ standing: SourceStanding) -> DriftSourceRow {
        let machine = standing.machine
        let open = open(machine)
        return DriftSourceRow(
            id: machine.source.id.text, kind: machine.source.kind.rawValue,
            scope: VisibleText.escape(machine.source.scope),
            status: ConsoleDriftStatus(wire: DriftJSON.status(standing, open: open.count)),
            open: open.count, flood: Int(clamping: machine.flood?.count ?? 0),
            worst: open.map(\.severity).max().flatMap { ConsoleSeverity(rawValue: $0.text) },
            version: (machine.baseline?.version).map { Int(clamping: $0) },
            isProposed: machine.proposed != nil, observedAt: standing.observedAt.map(instant))
    }

    private func gap(_ open: OpenGap, of source: Handle) -> DriftGapRow {
        DriftGapRow(
            source: source.text,
            subject: open.gap.subject.map { DocumentText.line($0, limit: Self.choiceBytes) },
            cause: open.gap.cause.rawValue.replacing("_", with: " "),
            detail: DocumentText.line(open.gap.detail, limit: Self.choiceBytes),
            since: instant(open.since), lastSeen: open.lastSeen.map(instant))
    }

    private func ruleRow(
        _ rule: IgnoreRule, _ tallies: [IgnoreTally], _ finding: IgnoreFinding.Kind?
    ) -> IgnoreRuleRow {
        let place =
            switch rule.selector {
            case .pointer(let pointer):
                pointer.tokens.isEmpty ? "(all of it)" : pointer.description
            case .path(let path): path.text
            }
        return IgnoreRuleRow(
            id: rule.id.text, source: rule.source?.text,
            subject: DocumentText.line(rule.subject, limit: Self.choiceBytes),
            place: DocumentText.line(place, limit: Self.choiceBytes),
            condition: rule.json["guard"].map {
                DocumentText.value($0, limit: Self.choiceBytes).text ?? ""
            },
            reason: VisibleText.escape(rule.reason), owner: rule.owner.text,
            hits: tallies.reduce(0) { $0 + Int(clamping: $1.hits) },
            lastHit: tallies.compactMap(\.lastHit).max().map(instant),
            expires: instant(rule.expires),
            mark: finding.flatMap { IgnoreRuleRow.Mark(rawValue: $0.rawValue) })
    }

    private func row(_ episode: Episode, limit: Int) -> DeviationRow {
        let deviation = episode.deviation
        return DeviationRow(
            id: episode.fingerprint.hex, source: deviation.source.text,
            subject: DocumentText.line(deviation.subject, limit: Self.choiceBytes),
            path: DocumentText.line(deviation.path.description, limit: Self.choiceBytes),
            severity: ConsoleSeverity(rawValue: episode.severity.text) ?? .critical,
            verdict: ConsoleDriftVerdict(wire: episode.attribution.verdict.rawValue),
            reason: DocumentText.line(episode.attribution.reason, limit: 1_000),
            direction: ConsoleDriftDirection(wire: episode.direction.rawValue),
            state: ConsoleDriftState(wire: episode.state.rawValue),
            was: value(deviation.before, limit: limit),
            found: value(deviation.after, limit: limit), since: instant(episode.firstSeen))
    }

    /// Large values are kept as their digests, which must not look like all there is.
    private func value(_ json: JSON?, limit: Int) -> DriftValue {
        var value = DocumentText.value(json, limit: limit)
        if value.cut == nil, case .object(let object)? = json, object["$digest"] != nil {
            value.cut = "only its digest is kept"
        }
        return value
    }

    // MARK: one deviation

    func deviationPage(_ id: String, notice: ConsoleNotice?) throws -> DeviationPage {
        guard let found = try control.deviation(id) else {
            throw Problem(.notFound, "not_found", "there is no such deviation")
        }
        // From one state, so that what is shown and what the form names belong together.
        let standing = try control.driftStanding(found.deviation.source)
        let machine = standing.machine
        let key = found.fingerprint
        let episode = machine.episodes[key] ?? machine.closed[key] ?? found
        let deviation = episode.deviation
        let expected = try control.leaves(deviation.source, deviation.subject).expected
        let live = try standing.live?[deviation.subject].map {
            try JSON(canonical: $0.document, limits: Limits.storedJSON)
        }
        var row = row(episode, limit: Self.valueBytes)
        let value = try foundValue(episode, live)
        if let value { row.found = self.value(value.json, limit: Self.valueBytes) }
        let isRemoved = deviation.operation == .remove
        return DeviationPage(
            shell: try shell(notice: notice), row: row,
            scope: VisibleText.escape(deviation.scope), operation: deviation.operation.rawValue,
            ending: episode.ending.map(Self.words), action: episode.attribution.action?.text,
            isObserved: episode.attribution.isObserved, lastSeen: instant(episode.lastSeen),
            after: instant(episode.interval.from), before: instant(episode.interval.to),
            hits: Int(clamping: episode.hits), acknowledgedBy: episode.acknowledgedBy.map(name),
            ignoredBy: episode.ignoredBy?.text,
            fixedBy: machine.remediations.values.first {
                $0.fingerprints.contains(episode.fingerprint)
            }?.action.text,
            fixes: fixes(episode, machine),
            expectedDocument: expected.map {
                DocumentText.lines($0, changed: deviation.path.place(in: $0))
            },
            foundDocument: live.map {
                DocumentText.lines($0, changed: isRemoved ? nil : deviation.pointer)
            },
            acceptance: acceptance(episode, standing, value), permission: driftPermission)
    }

    /// The episode, and where it is of a file's content all others of it, as far as a page has room.
    private func fixes(_ episode: Episode, _ machine: DriftMachine) -> [String] {
        let id = episode.fingerprint.hex
        guard machine.source.kind == .files, episode.deviation.isOfContent else { return [id] }
        let others = machine.episodes.values.filter {
            $0.deviation.isOfContent && $0.fingerprint != episode.fingerprint
                && Subject.compare($0.deviation.subject, episode.deviation.subject) == 0
        }
        return [id] + others.map(\.fingerprint.hex).sorted().prefix(Self.listed)
    }

    private struct Found {
        let json: JSON?
    }

    /// What is at the place now, if it is what the episode is about.
    private func foundValue(_ episode: Episode, _ live: JSON?) throws -> Found? {
        let deviation = episode.deviation
        // Not `… ? nil : …`: there `nil` could be the literal `null` of JSON.
        var json: JSON?
        if deviation.operation != .remove, let live { json = deviation.pointer.resolve(in: live) }
        let digest = Hash256.sha256(try json?.canonicalBytes() ?? [])
        return digest == episode.valueDigest ? Found(json: json) : nil
    }

    private func acceptance(
        _ episode: Episode, _ standing: SourceStanding, _ found: Found?
    ) -> DeviationPage.Acceptance {
        guard let baseline = standing.machine.baseline else {
            return .impossible("The source has no approved baseline.")
        }
        guard let live = standing.live else {
            return .impossible(
                "It was not observed since this server started: wait for the next observation.")
        }
        if episode.missing != nil { return .givenUp(root: live.root.hex) }
        guard let found else {
            return .impossible("It was not seen last time as this page shows it: look again later.")
        }
        return .value(
            value(found.json, limit: Self.valueBytes),
            version: Int(clamping: baseline.version + 1), root: live.root.hex)
    }

    private static func words(_ ending: Episode.Ending) -> String {
        switch ending {
        case .vanished: "It is over: the place is as expected again."
        case .reverted: "It is over: an approved plan put it back."
        case .rebaselined: "It is over: a person accepted it, or approved a new baseline."
        case .explained:
            "It is over: an approved action declared what is there, and the baseline has it now."
        case .superseded: "It is over: the effect came after all, or another took its place."
        }
    }

    // MARK: one source

    func driftSourcePage(
        _ id: Handle, from offset: Int, notice: ConsoleNotice?
    ) throws -> DriftSourcePage {
        guard governance.drift.sources[id] != nil else {
            throw Problem(.notFound, "not_found", "there is no such source")
        }
        let (standing, proposal) = try proposal(id, from: offset)
        let machine = standing.machine
        let source = machine.source
        let open = open(machine).sorted { a, b in
            if a.severity != b.severity { return a.severity > b.severity }
            if a.firstSeen != b.firstSeen { return a.firstSeen > b.firstSeen }
            return a.fingerprint.hex < b.fingerprint.hex
        }
        return DriftSourcePage(
            shell: try shell(notice: notice), row: sourceRow(standing),
            every: Int(clamping: source.every), assetClass: source.assetClass.rawValue,
            observer: source.observer?.text, settings: DocumentText.lines(source.json),
            baseline: machine.baseline.map(card), proposal: proposal,
            deviations: open.prefix(Self.listed).map { row($0, limit: Self.choiceBytes) },
            observedRoot: standing.live?.root.hex,
            gaps: machine.gaps.map { gap($0, of: id) }, permission: driftPermission)
    }

    /// A page of what is proposed, and the state that it is of.
    private func proposal(
        _ id: Handle, from offset: Int
    ) throws -> (SourceStanding, BaselineProposal?) {
        for _ in 0..<3 {
            let standing = try control.driftStanding(id)
            guard let version = standing.machine.proposed else { return (standing, nil) }
            let leaves = try control.proposedLeaves(id)
            // The button names the root: what is shown must be what it is of.
            guard try control.driftStanding(id).machine.proposed == version else { continue }
            let start = min(max(offset, 0), max(leaves.count - 1, 0))
            let page = leaves[start..<min(start + BaselineProposal.pageSize, leaves.count)]
            let shown = try page.map { leaf in
                BaselineLeaf(
                    subject: VisibleText.escape(leaf.subject),
                    document: DocumentText.value(try leaf.json(), limit: Self.leafBytes))
            }
            return (
                standing,
                BaselineProposal(
                    card: card(version), leaves: shown, offset: start, count: leaves.count)
            )
        }
        throw CommandError.conflict(
            code: "busy", "what is proposed changes just now: load the page again")
    }

    private func card(_ version: BaselineVersion) -> BaselineCard {
        let origin =
            switch version.origin {
            case .captured: "What was found, approved as a whole."
            case .declared: "What a person gave as a file."
            case .promoted: "Deviations that a person accepted."
            case .effectApplied: "Effects of approved actions, seen in place."
            }
        return BaselineCard(
            version: Int(clamping: version.version), root: version.root.hex,
            parent: version.parent?.hex, origin: origin,
            approvedBy: version.approvedBy.map(name), at: instant(version.at),
            capturedAt: instant(version.capturedAt),
            actions: version.derivedFrom.prefix(10).map(\.text))
    }
}

extension KeyPath {
    /// Where the path leads in the expected document; nil if it leads nowhere there.
    fileprivate func place(in document: JSON) -> JSONPointer? {
        var (tokens, value) = ([String](), document)
        for step in steps {
            let next: (token: String, value: JSON)?
            switch (step, value) {
            case (.member(let name), .object(let object)):
                next = object[name].map { (name, $0) }
            case (.index(let index), .array(let elements)):
                next = elements.indices.contains(index) ? ("\(index)", elements[index]) : nil
            case (.element(let wanted), .array(let elements)):
                next = elements.firstIndex(of: wanted).map { ("\($0)", elements[$0]) }
            case (.keyed(let fields), .array(let elements)):
                next = elements.firstIndex { element in
                    fields.allSatisfy { element[$0.name] == $0.value }
                }.map { ("\($0)", elements[$0]) }
            default: next = nil
            }
            guard let next else { return nil }
            tokens.append(next.token)
            value = next.value
        }
        return JSONPointer(tokens: tokens)
    }
}
