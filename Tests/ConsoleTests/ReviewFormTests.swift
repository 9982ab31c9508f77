// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Console

/// Which forms of a review are offered, besides the plain decision.
@Suite struct ReviewFormTests {
    private func tags(_ page: ActionPage) throws -> [Tag] {
        HTMLScanner.tags(of: try Shared.renderer().action(page))
    }

    private func forms(_ page: ActionPage) throws -> Set<String> {
        Set(
            try tags(page).filter { $0.name == "form" }.compactMap { $0["action"] }
                .filter { $0.hasPrefix("/console/actions/") }
                .map { String($0.split(separator: "/").last ?? "") })
    }

    /// The texts of buttons that a page without scripts shows, and of those that a script shows.
    private func buttons(_ page: ActionPage, hidden: Bool) throws -> [String] {
        try tags(page).filter {
            $0.name == "button" && !$0.isEnd && ($0["hidden"] != nil) == hidden
        }.map(\.text)
    }

    @Test func whatNeedsAPasskeyIsNotOfferedWithout() throws {
        let page = Samples.needsPasskey()
        let plain = try buttons(page, hidden: false)
        #expect(!plain.contains("Approve this action") && !plain.contains("Deny this action"))
        let signed = try buttons(page, hidden: true)
        #expect(signed.contains("Approve with a passkey"))
        #expect(signed.contains("Deny with a passkey"))
        let html = try Shared.renderer().action(page)
        #expect(html.contains("It does not prove what your browser displayed."))
        #expect(html.contains("with JavaScript"))
        #expect(!html.contains("You cannot decide this"))
    }

    @Test func aPasskeyIsOfferedBesideThePlainButtons() throws {
        #expect(try buttons(Samples.busy(), hidden: false).contains("Approve this action"))
        #expect(try buttons(Samples.busy(), hidden: true).contains("Approve with a passkey"))
        #expect(!(try Shared.renderer().action(Samples.pending())).contains("data-passkey"))
    }

    @Test func whatIsNotShownInFullIsNotSignedEither() throws {
        var page = Samples.needsPasskey()
        page.rendering.isComplete = false
        let signed = try buttons(page, hidden: true)
        #expect(!signed.contains("Approve with a passkey"))
        #expect(signed.contains("Deny with a passkey"))
    }

    @Test func eachFormIsThereIfAndOnlyIfItWouldWork() throws {
        #expect(
            try forms(Samples.busy())
                == ["decide", "withdraw", "look", "comment", "break-glass"])
        #expect(try forms(Samples.brokenGlass()) == ["settle-debt", "comment"])
        let names: [(ConsoleReview.Form, String)] = [
            (.withdraw, "withdraw"), (.look, "look"), (.comment, "comment"),
            (.breakGlass, "break-glass"), (.settleDebt, "settle-debt"),
        ]
        for (form, name) in names {
            var page = form == .settleDebt ? Samples.brokenGlass() : Samples.busy()
            page.review.forms = []
            #expect(!(try forms(page).contains(name)))
            page.review.forms = [form]
            #expect(try forms(page).contains(name), "\(name)")
        }
    }

    @Test func nothingOfAReviewIsOfferedWhenItIsOver() throws {
        for state in ConsoleState.allCases where state != .pending {
            var page = Samples.busy()
            page.state = state
            page.review.forms.remove(.comment)
            page.review.forms.remove(.answer)
            #expect(try forms(page).isEmpty, "\(state)")
            #expect(!(try Shared.renderer().action(page)).contains("data-passkey=\"get\""))
        }
    }

    @Test func strangersAreOfferedNothing() throws {
        var page = Samples.busy()
        page.shell = Samples.shell(viewer: nil)
        #expect(try forms(page).isEmpty)
    }

    @Test func aChangeOfWhatIsAskedIsSaid() throws {
        let html = try Shared.renderer().action(Samples.busy())
        #expect(html.contains("What is asked has changed") && html.contains("2 times"))
        #expect(html.contains("Since") && html.contains("02:31 UTC"))
        #expect(!(try Shared.renderer().action(Samples.pending())).contains("has changed</strong>"))
    }

    @Test func theSealIsConfirmedOnlyWhereItCanBe() throws {
        func offers(_ page: SealPage) throws -> Bool {
            HTMLScanner.tags(of: try Shared.renderer().seal(page))
                .contains { $0["action"] == ConsolePath.sealForm }
        }
        #expect(try offers(Samples.seal()))
        for page in [Samples.unsealable(), Samples.staleSeal(), Samples.sealed()] {
            #expect(!(try offers(page)))
        }
        var page = Samples.seal()
        page.question?.mayConfirm = false
        #expect(!(try offers(page)))
    }
}
