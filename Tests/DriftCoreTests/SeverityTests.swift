// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Testing

@Suite("How bad a deviation is")
struct SeverityTests {
    /// The standing table for what nothing explains, by class: narrowing, neutral, broadening.
    private static let table: [AssetClass: [DriftSeverity]] = [
        .low: [.low, .low, .medium],
        .medium: [.low, .medium, .high],
        .high: [.medium, .high, .critical],
        .critical: [.high, .critical, .critical],
    ]

    private func severity(
        _ verdict: DriftVerdict, _ direction: DriftDirection, _ assetClass: AssetClass,
        _ kind: DriftSource.Kind = .files
    ) -> DriftSeverity {
        .of(verdict, direction: direction, assetClass: assetClass, kind: kind)
    }

    @Test("the table holds for every verdict that adds nothing", arguments: AssetClass.allCases)
    func table(_ assetClass: AssetClass) {
        for verdict in [DriftVerdict.unauthorised, .partial, .outOfWindow] {
            let row = [DriftDirection.narrowing, .neutral, .broadening].map {
                severity(verdict, $0, assetClass)
            }
            #expect(row == Self.table[assetClass])
        }
    }

    @Test("what is explained is low, whatever it is; our own rules are critical otherwise")
    func ends() {
        for assetClass in AssetClass.allCases {
            for direction in DriftDirection.allCases {
                for verdict in DriftVerdict.allCases {
                    let own = severity(verdict, direction, assetClass, .exequatur)
                    #expect(own == (verdict.explains ? .low : .critical))
                    if verdict.explains {
                        #expect(severity(verdict, direction, assetClass) == .low)
                    }
                }
            }
        }
    }

    @Test("revoked and replayed are a step worse, missing a step better, doubt never lowers")
    func steps() {
        #expect(severity(.revoked, .neutral, .medium) == .high)
        #expect(severity(.replayed, .neutral, .high) == .critical)
        #expect(severity(.missingEffect, .neutral, .medium) == .low)
        #expect(severity(.undetermined, .narrowing, .medium) == .medium)
        #expect(severity(.undetermined, .broadening, .medium) == .high)
    }

    // MARK: Directions

    private func direction(
        _ path: String, _ before: JSON?, _ after: JSON?, kind: DriftSource.Kind = .files,
        subject: String = Fixture.file
    ) throws -> DriftDirection {
        let pointer = try Fixture.pointer(path)
        let operation: Deviation.Operation =
            before == nil ? .add : after == nil ? .remove : .replace
        let deviation = Deviation(
            source: Handle(constant: "host"), scope: "host-a", subject: subject,
            path: KeyPath(
                pointer.tokens.map { Int($0).map(KeyPath.Step.index) ?? .member($0) }),
            pointer: pointer, operation: operation, before: before, after: after)
        return DirectionRules.standard.direction(of: deviation, kind: kind)
    }

    @Test("a bit more is broader, a bit less narrower; the sticky bit counts the other way")
    func modes() throws {
        #expect(try direction("/mode", "0644", "0664") == .broadening)
        #expect(try direction("/mode", "0755", "4755") == .broadening)
        #expect(try direction("/mode", "0644", "0600") == .narrowing)
        #expect(try direction("/mode", "1777", "0777") == .broadening)
        #expect(try direction("/mode", "0777", "1777") == .narrowing)
        // One bit gone and another come: broader.
        #expect(try direction("/mode", "0640", "0604") == .broadening)
        #expect(try direction("/mode", "0640", "rw") == .broadening)
    }

    @Test("owners, capabilities and access lists")
    func owners() throws {
        #expect(try direction("/uid", 0, 1000) == .broadening)
        #expect(try direction("/gid", 1000, 0) == .broadening)
        #expect(try direction("/capabilities", Optional.none, "=ep") == .broadening)
        #expect(try direction("/capabilities", "=ep", Optional.none) == .narrowing)
        #expect(try direction("/acl", "x", Optional.none) == .broadening)
        #expect(try direction("/sha256", "a", "b") == .neutral)
    }

    @Test("a file that gives rights where none was")
    func files() throws {
        let setuid: JSON = ["mode": "4755", "type": "file"]
        let plain: JSON = ["mode": "0644", "type": "file"]
        #expect(try direction("", Optional.none, setuid) == .broadening)
        #expect(try direction("", Optional.none, plain) == .neutral)
        let sudo = "file:/etc/sudoers.d/me"
        #expect(try direction("", Optional.none, plain, subject: sudo) == .broadening)
        #expect(try direction("", plain, Optional.none, subject: sudo) == .narrowing)
    }

    @Test("a rule that denied is as good as a right when it is gone")
    func rules() throws {
        #expect(try direction("/content/deny/0", "eve", Optional.none) == .broadening)
        #expect(try direction("/content/deny/0", Optional.none, "eve") == .narrowing)
        #expect(try direction("/content/allow/0", Optional.none, "eve") == .broadening)
        #expect(try direction("/content/allow/0", "eve", Optional.none) == .narrowing)
        // "disallow" has "allow" in it.
        #expect(try direction("/content/disallow/0", "eve", Optional.none) == .broadening)
        #expect(try direction("/rules/0/effect", "Deny", "Allow", kind: .http) == .broadening)
        #expect(try direction("/rules/0/effect", "Allow", "Deny", kind: .http) == .narrowing)
        let statement: JSON = ["effect": "Deny"]
        #expect(try direction("/allow/0", statement, Optional.none, kind: .http) == .broadening)
        #expect(try direction("/colour", "red", "blue", kind: .http) == .neutral)
    }

    @Test("a wider range of addresses is broader, and so is another one")
    func ranges() throws {
        func direction(_ before: JSON, _ after: JSON) throws -> DriftDirection {
            try self.direction("/source", before, after, kind: .http)
        }
        #expect(try direction("10.0.0.0/8", "0.0.0.0/0") == .broadening)
        #expect(try direction("10.0.0.0/8", "10.1.0.0/16") == .narrowing)
        #expect(try direction("10.0.0.0/8", "11.0.0.0/8") == .broadening)
        #expect(try direction("10.1.0.0/8", "10.2.0.0/8") == .neutral)
        #expect(try direction("2001:db8::/32", "::/0") == .broadening)
        #expect(try direction("2001:db8::/32", "2001:db8:1::/48") == .narrowing)
        #expect(try direction("10.0.0.0/8", "::/0") == .broadening)
        #expect(try direction("10.0.0.0/33", "0.0.0.0/0") == .neutral)
        #expect(try direction("1::2::3/8", "::/0") == .neutral)
    }

    @Test("new and changed tools are broader, and all of our own rules")
    func tools() throws {
        #expect(try direction("", Optional.none, ["name": "x"], kind: .mcp) == .broadening)
        #expect(try direction("/inputSchema/type", "a", "b", kind: .mcp) == .broadening)
        #expect(try direction("", ["name": "x"], Optional.none, kind: .mcp) == .narrowing)
        #expect(try direction("", ["name": "x"], Optional.none, kind: .exequatur) == .broadening)
    }

    @Test("a comparator that is added is asked first")
    func adding() throws {
        let rules = DirectionRules.standard.adding(
            DirectionComparator("always") { _ in .narrowing }, for: .files)
        let deviation = Deviation(
            source: Handle(constant: "host"), scope: "host-a", subject: Fixture.file,
            path: KeyPath([.member("uid")]), pointer: try Fixture.pointer("/uid"),
            operation: .replace, before: 0, after: 1)
        #expect(rules.direction(of: deviation, kind: .files) == .narrowing)
        #expect(rules.direction(of: deviation, kind: .http) == .neutral)
    }
}
