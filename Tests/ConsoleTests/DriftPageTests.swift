// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Console

/// What the pages of drift offer, to whom, and what they never say.
@Suite struct DriftPageTests {
    private func tags(_ page: DeviationPage) throws -> [Tag] {
        HTMLScanner.tags(of: try Shared.renderer().deviation(page))
    }

    private func tags(_ page: DriftSourcePage) throws -> [Tag] {
        HTMLScanner.tags(of: try Shared.renderer().driftSource(page))
    }

    /// Targets of all forms but the one that signs out.
    private func forms(_ tags: [Tag]) -> [String] {
        tags.filter { $0.name == "form" && !$0.isEnd }.compactMap { $0["action"] }
            .filter { $0 != ConsolePath.signOutForm }
    }

    private func field(_ name: String, _ tags: [Tag]) -> [String] {
        tags.filter { $0["name"] == name }.compactMap { $0["value"] }
    }

    @Test("Who only reads is offered nothing to press")
    func readers() throws {
        var deviation = Samples.deviation()
        deviation.permission = Samples.mayRead
        var source = Samples.source()
        source.permission = Samples.mayRead
        var proposed = Samples.proposedSource()
        proposed.permission = Samples.mayRead
        for tags in [try tags(deviation), try tags(source), try tags(proposed)] {
            #expect(forms(tags).isEmpty)
            #expect(!tags.contains { $0["type"] == "checkbox" })
        }
    }

    @Test("An administrator accepts exactly what the page shows, and names what was observed")
    func accepting() throws {
        let page = Samples.deviation()
        let tags = try tags(page)
        let base = "/console/drift/deviations/\(page.row.id)"
        #expect(forms(tags) == ["\(base)/acknowledge", "\(base)/accept"])
        #expect(field("expect", tags) == [Samples.root])
        let held = tags.first { $0["class"] == "note will-hold" }
        #expect(held?.text == "&quot;1.0&quot;")
    }

    @Test("What can't be shown in full, or belongs to an old sign-in, can't be accepted")
    func obstacles() throws {
        var cut = Samples.deviation()
        cut.acceptance = .value(
            DriftValue(text: "\"aaa…", cut: "cut: 100002 bytes"), version: 4, root: Samples.root)
        var stale = Samples.deviation()
        stale.permission.isFresh = false
        var blind = Samples.deviation()
        blind.acceptance = .impossible("It was not observed since this server started.")
        for page in [cut, stale, blind] {
            let tags = try tags(page)
            #expect(forms(tags) == ["/console/drift/deviations/\(page.row.id)/acknowledge"])
            #expect(tags.contains { $0["class"] == "obstacles" })
        }
        for state in ConsoleDriftState.allCases where state != .open && state != .acknowledged {
            var page = Samples.deviation()
            page.row.state = state
            #expect(forms(try tags(page)).isEmpty, "\(state)")
        }
    }

    @Test("What is not shown in full can't be ticked, and no key sends the form")
    func ticks() throws {
        let page = Samples.source()
        let tags = try tags(page)
        let ticks = tags.filter { $0["type"] == "checkbox" }
        #expect(ticks.compactMap { $0["name"] } == ["d_\(Samples.tls.id)", "d_\(Samples.pool.id)"])
        #expect(ticks.allSatisfy { $0["form"] == "several" && $0["checked"] == nil })
        #expect(field("expect", tags) == [Samples.root])
        let start = try #require(tags.firstIndex { $0["id"] == "several" })
        let button = try #require(tags[start...].first { $0.name == "button" })
        #expect(button["disabled"] != nil && button["hidden"] != nil)
        var stale = page
        stale.permission.isFresh = false
        #expect(field("decision", try self.tags(stale)) == ["acknowledge"])
        #expect(field("decision", tags) == ["acknowledge", "accept"])
    }

    @Test("A baseline is approved by its whole root, and only with a recent sign-in")
    func approving() throws {
        var page = Samples.proposedSource()
        let tags = try tags(page)
        #expect(forms(tags) == ["/console/drift/sources/staging/approve"])
        #expect(field("expect", tags) == [Samples.root])
        page.permission.isFresh = false
        #expect(forms(try self.tags(page)).isEmpty)
    }

    @Test("Pages of leaves lead to each other")
    func paging() throws {
        var page = Samples.proposedSource()
        page.proposal?.count = 250
        func links(_ offset: Int, _ count: Int) throws -> [String] {
            page.proposal?.offset = offset
            page.proposal?.leaves = Array(
                repeating: BaselineLeaf(subject: "s", document: Samples.value("1")), count: count)
            return try tags(page).compactMap { $0["href"] }.filter { $0.contains("?from=") }
        }
        #expect(try links(0, 100) == ["/drift/sources/staging?from=100"])
        #expect(
            try links(100, 100)
                == ["/drift/sources/staging?from=0", "/drift/sources/staging?from=200"])
        #expect(try links(200, 50) == ["/drift/sources/staging?from=100"])
    }

    @Test("What was not seen never looks like what is right")
    func notSeen() throws {
        for status in ConsoleDriftStatus.allCases where status != .clean {
            #expect(status.tone != ConsoleDriftStatus.clean.tone, "\(status)")
            var page = Samples.drift()
            page.sources = [Samples.sourceRow("a", "files", status)]
            (page.deviations, page.openCount, page.gaps, page.gapCount) = ([], 0, [], 0)
            let html = try Shared.renderer().drift(page)
            #expect(!html.contains("Nothing deviates"), "\(status)")
            let saysNone = html.contains("<span class=\"none\">none</span>")
            #expect(saysNone == (status == .drift), "\(status)")
        }
        #expect(ConsoleDriftVerdict.undetermined.tone != "good")
    }

    @Test("The navigation counts what is open, on every page about drift")
    func navigation() throws {
        let renderer = try Shared.renderer()
        for html in [
            renderer.drift(Samples.drift()), renderer.deviation(Samples.deviation()),
            renderer.driftSource(Samples.source()),
        ] {
            let tags = HTMLScanner.tags(of: html)
            let start = try #require(
                tags.firstIndex { $0["href"] == "/drift" && $0["class"] == nil })
            #expect(tags[start]["aria-current"] == "page")
            #expect(tags[start].text == "Drift " && tags[start + 1]["class"] == "count")
            #expect(tags[start + 1].text == "4" && tags[start + 2].text == " open")
        }
        #expect(!renderer.inbox(Samples.inbox()).contains(" open</span>"))
    }

    @Test("Every verdict, state and status has words, and unknown ones offer nothing")
    func vocabulary() throws {
        for verdict in ConsoleDriftVerdict.allCases {
            #expect(!verdict.word.contains("_") && verdict.meaning.hasSuffix("."))
        }
        #expect(ConsoleDriftVerdict(wire: "new") == .unrecognised)
        #expect(ConsoleDriftStatus(wire: "new") == .unrecognised)
        #expect(ConsoleDriftState(wire: "new") == .unrecognised)
        #expect(ConsoleDriftDirection(wire: "new") == .neutral)
        let html = try Shared.renderer().deviation(Samples.deviation())
        for verdict in ConsoleDriftVerdict.ladder { #expect(html.contains(verdict.meaning)) }
    }

    @Test("Hostile ids stay in their path")
    func paths() {
        #expect(ConsolePath.deviation("a/../b") == "/drift/deviations/a%2F..%2Fb")
        #expect(ConsolePath.driftSource("a?b") == "/drift/sources/a%3Fb")
        #expect(ConsolePath.form(.approve, source: "x/y") == "/console/drift/sources/x%2Fy/approve")
    }

    @Test(
        "Intervals are told exactly",
        arguments: [
            (1, "every second"), (90, "every 90 seconds"), (300, "every 5 minutes"),
            (3_600, "every hour"), (86_400, "every day"), (604_800, "every 7 days"),
        ])
    func durations(_ seconds: Int, _ text: String) {
        #expect(DriftSourcePage.duration(seconds) == text)
    }
}
