// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// What the command line offers to those who write policies.
@Suite("Policy tools")
struct PolicyToolTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    private static var gallery: [String] {
        let folder = root + "/policies/gallery"
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder)
        return (names ?? []).filter { $0.first?.isNumber == true }.sorted()
    }

    private func json(_ result: ProgramResult) throws -> JSON {
        try JSON(parsing: result.out.trimmingCharacters(in: .newlines))
    }

    @Test("the gallery is a dozen sets, each valid, without warnings, laid out, its tests passing")
    func galleryHolds() throws {
        #expect(Self.gallery.count == 12)
        for name in Self.gallery {
            let folder = "\(Self.root)/policies/gallery/\(name)"
            let report = try json(try Program.run(["policy", "check", folder, "--json"]))
            #expect(report["problems"] == [] && report["warnings"] == [], "\(name): \(report)")
            let tested = try Program.run(["policy", "test", folder, "--json"])
            #expect(tested.status == 0, "\(name): \(tested.out)\(tested.err)")
            #expect(try json(tested)["passed"]?.intValue ?? 0 >= 5)
            let layout = try Program.run(["policy", "format", "--check", folder])
            #expect(layout.status == 0 && layout.out.isEmpty, "\(name)")
        }
        let starter = "\(Self.root)/policies/starter"
        #expect(try Program.run(["policy", "format", "--check", starter]).status == 0)
        let report = try json(try Program.run(["policy", "check", starter, "--json"]))
        #expect(report["problems"] == [] && report["warnings"] == [], "\(report)")
    }

    @Test("a test that fails is named with what came instead, and the status is 1")
    func failingTests() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write(
            "a.cedar",
            """
            @id("all") permit (principal, action in Action::"command", resource);
            @id("held") @review("sre,leads") forbid (principal, action in Action::"command", resource)
            unless { context.facts has effect && context.facts.effect == "read" };
            """)
        let request = """
            "request": {"principal": "Agent::\\"bot\\"", "action": "Action::\\"command.run\\"",
              "resource": "Host::\\"web1\\"", "context": {"input": {"argv": ["rm"]}, "facts": {}}},
            "entities": []
            """
        _ = try folder.write(
            "tests.json",
            """
            [
              {"name": "right", \(request), "decision": "deny", "reason": ["held"],
               "num_errors": 0, "verdict": "review", "groups": ["leads", "sre"]},
              {"name": "decision", \(request), "decision": "allow"},
              {"name": "reason", \(request), "decision": "deny", "reason": ["all"]},
              {"name": "verdict", \(request), "decision": "deny", "verdict": "deny"},
              {"name": "groups", \(request), "decision": "deny", "groups": ["sre"]},
              {"name": "errors", \(request), "decision": "deny", "num_errors": 1},
              {"name": "misspelt", \(request), "decision": "deny", "resaon": []},
              {"name": "number", \(request), "decision": "deny", "num_errors": "7"},
              {"name": "list", \(request), "decision": "deny", "verdict": ["deny"]},
              {"request": {"principal": "Agent::\\"bot\\"", "action": "Action::\\"no.such\\"",
               "resource": "Host::\\"web1\\""}, "entities": [], "decision": "deny"}
            ]
            """)
        let result = try Program.run(["policy", "test", folder.path])
        #expect(result.status == 1)
        let lines = result.out.split(separator: "\n").map(String.init)
        #expect(lines.last == "1 passed, 9 failed", "\(result.out)\(result.err)")
        for (place, start) in [
            "decision: decided deny, because of `held`", "reason: because of `held`",
            "verdict: the verdict is review", "groups: the review asks",
            "errors: 0 policies failed", "misspelt: unknown member `resaon`",
            "number: `num_errors` must be a number", "list: `verdict` must be",
            "test 10: the request does not fit the schema",
        ].enumerated() {
            #expect(lines[place].hasPrefix(start), "\(lines[place])")
        }
    }

    @Test("explain names what fired, what nearly did, and the clause that stopped it")
    func explain() throws {
        let folder = "\(Self.root)/policies/gallery/01-exports-by-size"
        let desk = try TemporaryFolder()
        let request = try desk.write(
            "request.json",
            """
            {"principal": "Agent::\\"etl-bot\\"", "action": "Action::\\"db.export\\"",
             "resource": "Database::\\"crm\\"",
             "context": {"input": {"table": "orders", "rows": 5000, "to": "warehouse"}}}
            """)
        let arguments = [
            "policy", "explain", folder, "--request", request, "--entities",
            folder + "/entities.json",
        ]
        let page = try Program.run(arguments)
        #expect(page.status == 0, "\(page.err)")
        for line in [
            "verdict: review: 1 of reviewers, severity medium, assurance token",
            "  forbid (review)  exports.large  policies.cedar:",
            "  forbid (review)  exports.huge  policies.cedar:",
            "        `context.input.rows` is 5000",
            "stopped by `[\"warehouse\", \"finance-share\"].contains(context.input.to)`",
        ] { #expect(page.out.contains(line), "\(line) in \(page.out)") }
        let said = try json(try Program.run(arguments + ["--json"]))
        let outcomes = (said["policies"]?.arrayValue ?? []).map {
            "\($0["policy"]?.stringValue ?? "") \($0["outcome"]?.stringValue ?? "")"
        }
        #expect(
            outcomes == [
                "exports satisfied", "exports.large satisfied", "exports.huge stopped",
                "exports.destination stopped",
            ])
    }

    @Test("diff and replay count what a draft would have done with the recorded actions")
    func replay() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        for name in ["one", "two"] { _ = try cast.submit(name, server) }
        let draft = try TemporaryFolder()
        _ = try draft.write(
            "a.cedar",
            """
            @id("commands") permit (principal is Agent, action in Action::"command", resource);
            @id("two") @review("reviewers") @quorum("2")
            forbid (principal, action in Action::"command", resource)
            when { context.input.argv.contains("/srv/two") };
            """)
        // While the server runs: reading takes no lock.
        let replayed = try Program.run([
            "policy", "replay", draft.path, "--data", server.data, "--json",
        ])
        #expect(replayed.status == 0, "\(replayed.err)")
        let report = try json(replayed)
        #expect(report["actions"] == 2)
        let after = (report["changes"]?.arrayValue ?? []).map {
            "\($0["before"]?.stringValue ?? "") \($0["after"]?.stringValue ?? "")"
        }
        #expect(after == ["review allow", "review review"], "\(report)")
        #expect(report["verdicts"] == ["allow": 1, "deny": 0, "review": 1])
        let diff = try Program.run(["policy", "diff", draft.path, "--data", server.data])
        #expect(diff.status == 0, "\(diff.err)")
        #expect(diff.out.contains("- commands.review\n"))
        #expect(diff.out.contains("+ two\n"))
        #expect(
            diff.out.contains(
                "2 changed: 0 more would have paused, 1 fewer; 0 more denied, 0 fewer; "
                    + "1 reviews ask otherwise"), "\(diff.out)")
        let same = try Program.run([
            "policy", "diff", draft.path, "--against", draft.path, "--data", server.data,
        ])
        #expect(same.out.hasPrefix("the policies are the same"), "\(same.out)")
        #expect(same.out.contains("0 changed"))
        let action = try #require(report["changes"]?[0]?["id"]?.stringValue)
        let why = try Program.run([
            "policy", "explain", draft.path, "--action", action, "--data", server.data,
        ])
        #expect(why.status == 0 && why.out.contains("permit  commands"), "\(why.out)\(why.err)")
    }

    @Test("a weaker review and another schema are changes that diff shows")
    func weakerReview() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        _ = try cast.submit("one", server)
        let strict = try TemporaryFolder()
        let loose = try TemporaryFolder()
        func text(_ annotations: String) -> String {
            """
            @id("commands") permit (principal is Agent, action in Action::"command", resource);
            @id("held") @review("reviewers") \(annotations)
            forbid (principal, action in Action::"command", resource);
            """
        }
        _ = try strict.write("a.cedar", text("@severity(\"high\") @assurance(\"console\")"))
        _ = try loose.write("a.cedar", text("@severity(\"low\") @grant(\"24h\")"))
        _ = try loose.write("own.cedarschema", "entity Database;")
        let diff = try Program.run([
            "policy", "diff", loose.path, "--against", strict.path, "--data", server.data,
        ])
        #expect(diff.out.contains("~ held\n") && diff.out.contains("~ schema own.cedarschema\n"))
        #expect(diff.out.contains("(1 of reviewers, high, console"), "\(diff.out)")
        #expect(diff.out.contains("1 reviews ask otherwise"), "\(diff.out)")
    }

    @Test("what looks like a policy and is left out is said; a pipe is refused")
    func ignoredFiles() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write(
            "p.cedar", "permit (principal is Agent, action in Action::\"command\", resource);")
        for name in ["99-forbid.Cedar", "f.cedar.json", ".hidden.cedar"] {
            _ = try folder.write(name, "")
        }
        let report = try json(try Program.run(["policy", "check", folder.path, "--json"]))
        let warnings = (report["warnings"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(warnings.count == 3, "\(warnings)")
        #expect(mkfifo(folder.path + "/pipe.cedar", 0o600) == 0)
        let pipe = try Program.run(["policy", "check", folder.path], seconds: 10)
        #expect(pipe.status == 1 && pipe.err.contains("not a regular file"), "\(pipe.err)")
    }

    @Test("one schema is shown, also where two files open the same namespace")
    func mergedSchema() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write(
            "p.cedar", "permit (principal is Agent, action in Action::\"command\", resource);")
        _ = try folder.write("a.cedarschema", "namespace Foo { entity A; }")
        _ = try folder.write("b.cedarschema", "namespace Foo { entity B; }")
        let shown = try Program.run(["policy", "schema", "show", folder.path])
        #expect(shown.status == 0 && shown.out.ranges(of: "namespace Foo").count == 1)
        let schema = try json(
            try Program.run(["policy", "schema", "show", folder.path, "--json"]))
        #expect(schema["Foo"]?["entityTypes"]?.objectValue?.keys == ["A", "B"])
    }

    @Test("a corpus test fails on validation too, and on a JSON schema that differs")
    func corpusValidation() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("p.cedar", "permit (principal, action, resource) when { context.x };")
        _ = try folder.write("e.entities.json", "[]")
        let schema = """
            entity U; action v appliesTo { principal: [U], resource: [U], context: { x: Bool } };
            """
        _ = try folder.write("s.cedarschema", schema)
        func test(_ shouldValidate: Bool) throws {
            _ = try folder.write(
                "t.json",
                """
                {"policies": "p.cedar", "entities": "e.entities.json", "schema": "s.cedarschema",
                 "shouldValidate": \(shouldValidate), "requests": []}
                """)
        }
        try test(true)
        #expect(try Program.run(["policy", "corpus", folder.path]).status == 0)
        try test(false)
        let wrong = try Program.run(["policy", "corpus", folder.path])
        #expect(wrong.status == 1 && wrong.out.hasPrefix("t.json: validates: true"))
        try test(true)
        try FileManager.default.createDirectory(
            atPath: folder.path + "/json-schemas", withIntermediateDirectories: true)
        _ = try folder.write("json-schemas/t.cedarschema.json", "{}")
        let differs = try Program.run(["policy", "corpus", folder.path])
        #expect(differs.status == 1 && differs.out.contains("JSON twin differs"), "\(differs.out)")
    }

    @Test("with a schema, a request is typed and must fit")
    func authorizeWithSchema() throws {
        let folder = try TemporaryFolder()
        let policies = try folder.write(
            "p.cedar",
            "permit (principal, action in Action::\"all\", resource) "
                + "when { context.ip.isLoopback() };")
        let entities = try folder.write("e.json", "[]")
        let schema = try folder.write(
            "s.cedarschema",
            """
            entity U; action all; action v in [Action::"all"]
            appliesTo { principal: [U], resource: [U], context: { ip: ipaddr } };
            """)
        for (ip, status, answer) in [
            ("127.0.0.1", 0, "allow"), ("10.0.0.1", 0, "deny"), ("x", 1, ""),
        ] {
            let request = try folder.write(
                "r.json",
                """
                {"principal": "U::\\"a\\"", "action": "Action::\\"v\\"", "resource": "U::\\"b\\"",
                 "context": {"ip": "\(ip)"}}
                """)
            let result = try Program.run([
                "policy", "authorize", "--policies", policies, "--entities", entities, "--schema",
                schema, "--request", request,
            ])
            #expect(result.status == Int32(status), "\(result.err)")
            #expect(status == 1 || result.out.contains("\"decision\":\"\(answer)\""))
        }
    }
}
