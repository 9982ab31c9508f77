// SPDX-License-Identifier: Apache-2.0

import Cedar
import TestSupport
import Testing

@testable import ApprovalCore

@Suite("Review markers and published policies")
struct ReviewMarkerTests {
    private func marker(_ annotations: String, effect: String = "forbid") throws -> ReviewMarker? {
        let published = try Fixtures.policies(
            "\(annotations) \(effect) (principal, action, resource);")
        return published.marker(published.policySet.policies[0].id)
    }

    @Test("defaults: quorum 1, an hour, ten minutes, medium, token")
    func defaults() throws {
        let requirement = try #require(try marker("@review(\"sre\")")?.requirement)
        #expect(requirement.slots == [Slot(group: Handle(constant: "sre"), quorum: 1)])
        #expect(requirement.expires.seconds == 3600)
        #expect(requirement.grant.seconds == 600)
        #expect(requirement.severity == .medium)
        #expect(requirement.assurance == .token)
    }

    @Test("everything said")
    func everything() throws {
        let found = try marker(
            """
            @id("x") @review("b, a") @quorum("3") @expires("30m") @grant("5m") @severity("critical")
            @assurance("passkey") @reason("why") @advice("how") @x_note("ours")
            """)
        let requirement = try #require(found?.requirement)
        #expect(requirement.slots.map(\.group.text) == ["a", "b"])
        #expect(requirement.slots.map(\.quorum) == [3, 3])
        #expect(requirement.assurance == .passkey)
        #expect(found?.reason == "why")
        #expect(found?.advice == "how")
    }

    @Test("high and critical need the console at least")
    func severity() throws {
        for (severity, assurance): (String, Assurance) in [
            ("low", .token), ("medium", .token), ("high", .console), ("critical", .console),
        ] {
            let found = try marker("@review(\"a\") @severity(\"\(severity)\")")
            #expect(found?.requirement?.assurance == assurance)
        }
    }

    @Test(
        "refused at publish",
        arguments: [
            "@review(\"\")", "@review(\"a,,b\")", "@review(\"a,a\")", "@review(\"A\")",
            "@review(\"a\") @quorum(\"0\")", "@review(\"a\") @quorum(\"\")",
            "@review(\"a\") @quorum(\"-1\")", "@review(\"a\") @quorum(\"+1\")",
            "@review(\"a\") @quorum(\"01\")", "@review(\"a\") @quorum(\"17\")",
            "@review(\"a\") @quorum(\"two\")", "@review(\"a\") @expires(\"0s\")",
            "@review(\"a\") @expires(\"1y\")", "@review(\"a\") @grant(\"31d\")",
            "@review(\"a\") @severity(\"urgent\")", "@review(\"a\") @severity(\"High\")",
            "@review(\"a\") @assurance(\"none\")", "@review(\"a\") @escalate(\"10m\")",
            "@review(\"a\") @escalate(\"1h:b\")", "@escalate(\"1m:b\")",
            "@review(\"a\") @escalate(\"1m:b,2m:b\")", "@breakglass(\"b\")",
            "@review(\"a\") @escalate(\"1m:b,2m:c,3m:d,4m:e,5m:f\")",
            "@review(\"a\") @breakglass(\"\")", "@review(\"a\") @qourum(\"2\")",
            "@quorum(\"2\")", "@severity(\"high\")", "@expires(\"1h\")", "@grant(\"1h\")",
            "@assurance(\"chat\")", "@reveiw(\"a\")", "@id(\"\u{e9}\")", "@id(\"e\u{301}\")",
        ])
    func refused(annotations: String) {
        #expect(throws: PolicyProblems.self, "\(annotations)") { try marker(annotations) }
    }

    @Test("a permit can't be marked")
    func permit() {
        #expect(throws: PolicyProblems.self) { try marker("@review(\"a\")", effect: "permit") }
    }

    @Test("all problems of a set are reported at once")
    func allProblems() throws {
        let files = [
            PolicyFile(name: "../x", text: "permit (principal, action, resource);"),
            PolicyFile(
                name: "b.cedar", text: "@quorum(\"1\") forbid (principal, action, resource);"),
            PolicyFile(name: "b.cedar", text: "nonsense"),
        ]
        do {
            _ = try PublishedPolicies(files: files)
            Issue.record("accepted")
        } catch {
            #expect(error.problems.count >= 3, "\(error.problems)")
        }
        #expect(throws: PolicyProblems.self) { try PublishedPolicies(files: []) }
    }

    @Test("the digest depends on names and texts, not on the order of the files")
    func digest() throws {
        let a = PolicyFile(name: "a.cedar", text: "permit (principal, action, resource);")
        let b = PolicyFile(
            name: "b.cedar", text: "@id(\"b\") forbid (principal, action, resource);")
        let one = try PublishedPolicies(files: [a, b])
        #expect(try PublishedPolicies(files: [b, a]).digest == one.digest)
        #expect(try PublishedPolicies(one.json).digest == one.digest)
        #expect(
            try PublishedPolicies(files: [a, PolicyFile(name: "c.cedar", text: b.text)]).digest
                != one.digest)
        #expect(
            try PublishedPolicies(files: [a, PolicyFile(name: "b.cedar", text: b.text + " ")])
                .digest
                != one.digest)
    }

    @Test("merging takes the stricter of both in every respect, in any order")
    func merging() throws {
        var random = SeededRandom.forTest()
        func requirement() throws -> Requirement {
            let groups = ["a", "b", "c"].filter { _ in Bool.random(using: &random) }
            let slots = (groups.isEmpty ? ["a"] : groups).compactMap { name in
                Handle(name).map { Slot(group: $0, quorum: Int.random(in: 1...4, using: &random)) }
            }
            return try Fixtures.requirement(
                slots, severity: Severity.allCases.randomElement(using: &random) ?? .low,
                assurance: Assurance.allCases.randomElement(using: &random) ?? .token)
        }
        for _ in 0..<500 {
            let (one, two, three) = (try requirement(), try requirement(), try requirement())
            let merged = try #require(one.merged(with: two))
            #expect(merged == two.merged(with: one))
            #expect(
                merged.merged(with: three)
                    == two.merged(with: three).flatMap { one.merged(with: $0) })
            for part in [one, two] {
                #expect(merged.severity >= part.severity)
                #expect(merged.assurance >= part.assurance)
                #expect(merged.expires <= part.expires && merged.grant <= part.grant)
                for slot in part.slots {
                    #expect(
                        merged.slots.contains { $0.group == slot.group && $0.quorum >= slot.quorum }
                    )
                }
            }
            #expect(try Requirement(merged.json) == merged)
        }
    }
}
