// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Console

/// What a reviewer sees of the frozen action.
@Suite struct RenderingTests {
    private func html(_ rendering: ConsoleRendering) throws -> String {
        var page = Samples.pending()
        page.rendering = rendering
        return try Shared.renderer().action(page)
    }

    private func withWhat(_ text: String, _ style: ConsoleRendering.Style) -> ConsoleRendering {
        var rendering = Samples.rendering
        rendering.sections[1].rows = [.init(label: "Arguments", text: text, style: style)]
        return rendering
    }

    @Test func sectionsComeInTheirOrderWhateverTheServerSends() throws {
        var rendering = Samples.rendering
        rendering.sections.reverse()
        let kinds = HTMLScanner.tags(of: try html(rendering)).compactMap { $0["class"] }
            .filter { $0.hasPrefix("part part-") }
        #expect(kinds == ["part part-who", "part part-what", "part part-policy", "part part-why"])
    }

    @Test(arguments: ConsoleRendering.Style.allCases)
    func longTextIsNeverCut(_ style: ConsoleRendering.Style) throws {
        let text = (0..<20_000).map { "word\($0)" }.joined(separator: " ")
        let html = try html(withWhat("\(text) --tail", style))
        #expect(html.contains(text))
        #expect(html.contains("word19999 --tail"))
    }

    @Test func lineBreaksAtBothEndsSurvive() throws {
        // A browser drops a line break right after `<pre>`: each line stands in its own element.
        let html = try html(withWhat("\n\nrm -rf /\n", .code))
        #expect(
            html.contains(
                "<pre class=\"lines is-numbered\" tabindex=\"0\"><span class=\"line\">\n</span>"
                    + "<span class=\"line\">\n</span><span class=\"line\">rm -rf /\n</span></pre>"))
    }

    @Test func carriageReturnsAreShownAndDoNotJoinLines() throws {
        let html = try html(withWhat("one\r\ntwo", .code))
        #expect(html.contains("<span class=\"line\">one\\u{d}\n</span>"))
        #expect(html.contains("<span class=\"line\">two\n</span>"))
    }

    @Test func theAgentsWordsAreFencedAndLabelled() throws {
        let html = try html(Samples.rendering)
        let start = try #require(html.firstRange(of: "The agent says — nobody has verified it"))
        let claim = try #require(html.firstRange(of: "Nightly reconciliation failed"))
        let end = try #require(html.firstRange(of: "End of the agent’s words"))
        #expect(start.upperBound < claim.lowerBound && claim.upperBound < end.lowerBound)
    }

    @Test func aClaimElsewhereCarriesItsOwnNote() throws {
        let html = try html(withWhat("trust me", .claim))
        #expect(html.contains("Arguments <span class=\"claim-note\">the agent’s claim</span>"))
    }

    @Test func warningsComeBeforeEverythingElse() throws {
        let html = try html(Samples.rendering)
        let warning = try #require(html.firstRange(of: "Before you read"))
        let first = try #require(html.firstRange(of: "part-who"))
        #expect(warning.lowerBound < first.lowerBound)
    }

    @Test func labelsSayAdvisoryUnsealedAndSelfApproved() throws {
        var page = Samples.pending()
        let labels = ["<b>Advisory.</b>", "<b>Unsealed.</b>", "<b>Self-approved.</b>"]
        page.isAdvisory = false
        let quiet = try Shared.renderer().action(page)
        #expect(labels.allSatisfy { !quiet.contains($0) })
        page.isAdvisory = true
        page.isUnsealed = true
        page.decisions[0].isSelfApproved = true
        let loud = try Shared.renderer().action(page)
        #expect(labels.allSatisfy { loud.contains($0) })
    }

    @Test func anAdvisoryOutcomeIsLabelledAClaim() throws {
        var page = Samples.succeeded()
        #expect(try Shared.renderer().action(page).contains("a claim of the agent’s side"))
        page.outcomes[0].isClaim = false
        #expect(try !Shared.renderer().action(page).contains("a claim of the agent’s side"))
    }

    @Test func absentReasonsAreNotBorrowedFromElsewhere() throws {
        var page = Samples.pending()
        page.decisions[0].reason = nil
        page.verdict.reasons[1].reason = nil
        let html = try Shared.renderer().action(page)
        #expect(!html.contains("class=\"quote\""))
        #expect(!html.contains("<p>Bulk export"))
        for tag in HTMLScanner.tags(of: html) {
            for word in ["false", "true", "nil", "Optional("] {
                #expect(!tag.text.contains(word), "<\(tag.name)> says `\(tag.text)`")
            }
        }
    }

    @Test func placesNeverCountMoreThanTheyAre() throws {
        let filled = (0..<40).map { ConsolePersonName(id: "p\($0)", name: "Person \($0)") }
        var page = Samples.pending()
        page.slots = [ConsoleSlot(group: "all", quorum: 30, filled: filled)]
        let html = try Shared.renderer().action(page)
        #expect(html.contains("<b>30 of 30</b> all"))
        #expect(html.split(separator: "slot-mark is-filled").count == 13)
    }
}
