// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Console

/// Who is offered which form.
@Suite struct StandingTests {
    private func tags(_ page: ActionPage) throws -> [Tag] {
        HTMLScanner.tags(of: try Shared.renderer().action(page))
    }

    private func decisions(_ page: ActionPage) throws -> Set<String> {
        Set(try tags(page).filter { $0["name"] == "decision" }.compactMap { $0["value"] })
    }

    @Test func anEligiblePersonIsOfferedBoth() throws {
        #expect(try decisions(Samples.pending()) == ["approve", "deny"])
    }

    @Test func formsNameExactlyThisActionInThisVersion() throws {
        let tags = try tags(Samples.pending())
        func values(_ name: String) -> [String] {
            tags.filter { $0["name"] == name }.compactMap { $0["value"] }
        }
        #expect(values("expect") == [Samples.digest, Samples.digest])
        #expect(values("version") == ["3", "3"])
        #expect(values("rendering") == Array(repeating: Samples.rendering.digest, count: 2))
        let actions = tags.filter { $0.name == "form" }.compactMap { $0["action"] }
        let target = "/console/actions/act_01jd8k3v9q2m/decide"
        #expect(actions.filter { $0.contains("/actions/") } == [target, target])
    }

    @Test(arguments: ConsoleState.allCases.filter { $0 != .pending })
    func nobodyDecidesWhatIsNotPending(_ state: ConsoleState) throws {
        var page = Samples.pending()
        page.state = state
        page.permission.mayCancel = true
        #expect(try decisions(page).isEmpty)
        let forms = try tags(page).filter { $0.name == "form" }.compactMap { $0["action"] }
        #expect(forms.filter { $0 != ConsolePath.signOutForm }.isEmpty)
    }

    /// Each takes one thing away that an approval needs, and says what the page must answer.
    static let spoilers:
        [(name: String, spoil: @Sendable (inout ActionPage) -> Void, says: String)] =
            [
                ("not eligible", { $0.permission.mayApprove = false }, "not among those"),
                (
                    "owner", { $0.permission.obstacles = ["You own the agent."] },
                    "You own the agent."
                ),
                ("incomplete", { $0.rendering.isComplete = false }, "could not be shown in full"),
                ("no who", { $0.rendering.sections.remove(at: 0) }, "could not be shown in full"),
                ("no what", { $0.rendering.sections.remove(at: 1) }, "could not be shown in full"),
                (
                    "no policy", { $0.rendering.sections.remove(at: 2) },
                    "could not be shown in full"
                ),
                ("nothing", { $0.rendering.sections = [] }, "could not be shown in full"),
                ("rendering", { $0.rendering.digest = "c0ffee" }, "could not be shown in full"),
                ("stale sign-in", { $0.permission.needsFreshSignIn = true }, "Sign in again"),
            ]

    @Test(arguments: spoilers.map(\.name))
    func oneMissingThingWithholdsApproval(_ name: String) throws {
        let spoiler = try #require(Self.spoilers.first { $0.name == name })
        var page = Samples.pending()
        spoiler.spoil(&page)
        #expect(try decisions(page) == ["deny"])
        #expect(try Shared.renderer().action(page).contains(spoiler.says))
    }

    @Test(arguments: [
        "", "3f9a", String(repeating: "A", count: 64), String(repeating: "g", count: 64),
    ])
    func withoutAWholeDigestNothingIsDecided(_ digest: String) throws {
        var page = Samples.pending()
        page.digest = digest
        #expect(try decisions(page).isEmpty)
    }

    @Test func strangersDecideNothing() throws {
        #expect(try decisions(Samples.pending(shell: Samples.shell(viewer: nil))).isEmpty)
    }

    @Test func denyingAsksForAReasonAndEnterSubmitsNothing() throws {
        let tags = try tags(Samples.pending())
        let areas = tags.filter { $0.name == "textarea" && !$0.isEnd }
        #expect(areas.compactMap { $0["id"] } == ["approve-reason", "deny-reason"])
        #expect(areas.map { $0["required"] != nil } == [false, true])
        let kinds = tags.filter { $0.name == "input" }.map { $0["type"] }
        // A text field would submit its form on Enter; a text area does not.
        #expect(kinds.allSatisfy { $0 == "hidden" })
        #expect(!tags.contains { $0["autofocus"] != nil })
    }

    @Test func laterFormsAppearInTheirStatesOnly() throws {
        func forms(_ state: ConsoleState) throws -> [String] {
            var page = Samples.pending()
            page.state = state
            page.permission = ConsolePermission(
                mayApprove: false, mayDeny: false, obstacles: [], needsFreshSignIn: false,
                mayCancel: true, mayRevoke: true, maySettle: true)
            return try tags(page).filter { $0.name == "form" }.compactMap { $0["action"] }
                .filter { $0.hasPrefix("/console/actions/") }
                .map { String($0.split(separator: "/").last ?? "") }
        }
        #expect(try forms(.pending) == ["cancel"])
        #expect(try forms(.cleared) == ["revoke"])
        #expect(try forms(.unknown) == ["settle"])
        for state in ConsoleState.allCases where ![.pending, .cleared, .unknown].contains(state) {
            #expect(try forms(state).isEmpty)
        }
    }

    @Test func unknownWireNamesAreRecognisedAsUnknown() {
        for state in ConsoleState.allCases { #expect(ConsoleState(wire: state.rawValue) == state) }
        for name in ["", "PENDING", "pending ", "approved"] {
            #expect(ConsoleState(wire: name) == .unrecognised)
        }
    }
}
