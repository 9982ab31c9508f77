// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import DriftCore
import Testing

@Suite("Direction of changes in PostgreSQL")
struct PostgreSQLDirectionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let subject: String
        let path: [String]
        let before: JSON?
        let after: JSON?
        let direction: PostgreSQLDirection

        init(
            _ subject: String, _ path: [String], _ before: JSON?, _ after: JSON?,
            _ direction: PostgreSQLDirection
        ) {
            self.subject = subject
            self.path = path
            self.before = before
            self.after = after
            self.direction = direction
        }

        var testDescription: String { "\(subject) \(path)" }
    }

    private static let none = JSON?.none

    static let cases: [Case] = [
        Case("role:a", ["superuser"], false, true, .broadening),
        Case("role:a", ["superuser"], true, false, .narrowing),
        Case("role:a", ["bypassRowSecurity"], false, true, .broadening),
        Case("role:a", ["connectionLimit"], 5, 6, .broadening),
        Case("role:a", ["connectionLimit"], 5, -1, .broadening),
        Case("role:a", ["connectionLimit"], -1, 5, .narrowing),
        Case("role:a", ["validUntil"], "2030-01-01T00:00:00.000000Z", .null, .broadening),
        Case(
            "role:a", ["validUntil"], "2030-01-01T00:00:00.000000Z",
            "2031-01-01T00:00:00.000000Z", .broadening),
        Case("role:a", ["validUntil"], "infinity", "2031-01-01T00:00:00.000000Z", .narrowing),
        Case("role:a", [], none, ["login": true], .broadening),
        Case("role:a", [], ["login": true], none, .narrowing),
        Case("password:a", ["digest"], ["$secret": "x"], ["$secret": "y"], .broadening),
        Case("membership:a/b", [], none, ["by": [:]], .broadening),
        Case("membership:a/b", ["by", "c", "admin"], false, true, .broadening),
        Case("membership:a/b", ["by", "c"], ["admin": true], none, .narrowing),
        Case(
            "relation:d.s.t", ["grants", "b"], none, ["SELECT": ["a": "plain"]], .broadening),
        Case("relation:d.s.t", ["grants", "b", "SELECT", "a"], "plain", "grantable", .broadening),
        Case("relation:d.s.t", ["grants", "b", "SELECT", "a"], "grantable", "plain", .narrowing),
        Case("relation:d.s.t", ["grants", "b"], ["SELECT": ["a": "plain"]], none, .narrowing),
        Case(
            "relation:d.s.t", ["columns", "c"], ["b": ["SELECT": ["a": "plain"]]], none, .narrowing),
        Case("relation:d.s.t", ["owner"], "a", "b", .broadening),
        Case("relation:d.s.t", ["rowSecurity", "enabled"], true, false, .broadening),
        Case("relation:d.s.t", ["rowSecurity", "forced"], false, true, .narrowing),
        Case("relation:d.s.v", ["securityInvoker"], "true", "false", .broadening),
        Case("relation:d.s.t", [], none, ["owner": "a", "grants": ["a": [:]]], .neutral),
        Case("relation:d.s.t", [], none, ["owner": "a", "grants": ["public": [:]]], .broadening),
        Case("relation:d.s.t", [], none, [:], .broadening),
        Case("policy:d.s.t/p", [], none, ["permissive": true], .broadening),
        Case("policy:d.s.t/p", [], ["permissive": true], none, .narrowing),
        Case("policy:d.s.t/p", [], none, ["permissive": false], .narrowing),
        Case("policy:d.s.t/p", [], ["permissive": false], none, .broadening),
        Case("policy:d.s.t/p", ["using"], "(a = b)", "true", .broadening),
        Case("routine:d.s.f()", ["securityDefiner"], false, true, .broadening),
        Case("routine:d.s.f()", ["body"], "sha256:a", "sha256:b", .broadening),
        Case(
            "routine:d.s.f()", ["grants", "public"], ["EXECUTE": ["a": "plain"]], none, .narrowing),
        Case("defaultacl:d.*/a/routines", [], none, ["grants": [:]], .broadening),
        Case("setting:ssl", ["value"], "on", "off", .broadening),
        Case("setting:ssl", ["value"], "off", "on", .narrowing),
        Case("setting:log_statement", ["value"], "ddl", "none", .broadening),
        Case("setting:work_mem", ["value"], "1", "2", .neutral),
        Case("setting:ssl", ["pendingRestart"], false, true, .neutral),
        Case("setting:shared_preload_libraries", ["value"], "", "evil", .broadening),
        Case("hba:file", ["rules"], [], [["type": "host"]], .broadening),
        Case("hba:load", ["current"], true, false, .neutral),
        Case("extension:d.dblink", [], none, ["version": "1"], .broadening),
        Case("eventtrigger:d.guard", ["enabled"], "origin", "disabled", .broadening),
        Case("eventtrigger:d.guard", [], ["enabled": "origin"], none, .broadening),
        Case("something:else", ["x"], 1, 2, .broadening),
        Case("role:a", ["superuser"], true, true, .neutral),
    ]

    @Test("Each change has its direction", arguments: cases)
    func direction(_ one: Case) {
        let path = KeyPath(one.path.map { .member($0) })
        #expect(
            PostgreSQLDirection.of(
                subject: one.subject, path: path, before: one.before, after: one.after)
                == one.direction)
    }

    @Test("What broadens one way does not broaden the other way, where both can be told")
    func symmetry() {
        for one in Self.cases where one.direction == .narrowing {
            let path = KeyPath(one.path.map { .member($0) })
            #expect(
                PostgreSQLDirection.of(
                    subject: one.subject, path: path, before: one.after, after: one.before)
                    == .broadening)
        }
    }
}
