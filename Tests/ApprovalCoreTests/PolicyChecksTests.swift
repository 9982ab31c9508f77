// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import ToolSchemas

@testable import ApprovalCore

@Suite("Checks at publish: schema, strict validation, lints")
struct PolicyChecksTests {
    private func set(
        _ text: String, schema: String? = nil
    ) throws(PolicyProblems) -> PublishedPolicies {
        var files = [PolicyFile(name: "a.cedar", text: text)]
        if let schema { files.append(PolicyFile(name: "own.cedarschema", text: schema)) }
        return try PublishedPolicies(files: files)
    }

    private func problems(_ text: String, schema: String? = nil) -> [String] {
        do {
            _ = try set(text, schema: schema)
            return []
        } catch {
            return error.problems
        }
    }

    private static let permit = """
        @id("p") permit (principal is Agent, action in Action::"command", resource);

        """

    @Test("the shipped schema is part of the set, whether it was given or not, and only as shipped")
    func shippedSchema() throws {
        let plain = try set(Self.permit)
        #expect(plain.files.map(\.name) == ["a.cedar", "exequatur.cedarschema"])
        // What the server shows can be published again as it is.
        let again = try PublishedPolicies(files: plain.files)
        #expect(again.digest == plain.digest)
        #expect(try PublishedPolicies(plain.json).digest == plain.digest)
        var edited = plain.files
        edited[1] = PolicyFile(name: "exequatur.cedarschema", text: edited[1].text + "entity X;")
        #expect(throws: PolicyProblems.self) { try PublishedPolicies(files: edited) }
        let stray = PolicyFile(name: "notes.txt", text: "")
        #expect(throws: PolicyProblems.self) {
            try PublishedPolicies(files: plain.files + [stray])
        }
    }

    @Test("a set is judged by the schema that it was published with, not by today's")
    func storedSchema() throws {
        let older = ProductSchema.file.text.replacing(
            "entity McpServer;", with: "entity McpServer, Mainframe;")
        let json: JSON = [
            "files": [
                [
                    "name": "a.cedar",
                    "text": "permit (principal, action, resource is Mainframe);",
                ],
                ["name": "exequatur.cedarschema", "text": .string(older)],
            ], "v": 2,
        ]
        let stored = try PublishedPolicies(json)
        #expect(stored.schema.entityTypes["Mainframe"] != nil)
        #expect(!problems("permit (principal, action, resource is Mainframe);").isEmpty)
        // Nor does anything without the schema pass for a set.
        let bare: JSON = [
            "files": [["name": "a.cedar", "text": "permit (principal, action, resource);"]], "v": 2,
        ]
        #expect(throws: (any Error).self) { try PublishedPolicies(bare) }
        #expect(throws: (any Error).self) { try PublishedPolicies(["files": [], "v": 1]) }
    }

    @Test("types are strict: each mistake is refused with its place and what to do")
    func strictness() {
        let scope = "forbid (principal, action == Action::\"command.run\", resource)"
        for (text, expected) in [
            ("\(scope) when { context.input.agrv.contains(\"x\") };", "did you mean `argv`?"),
            ("\(scope) when { context.facts.effect == \"read\" };", "guard it with `has`"),
            (
                "\(scope) when { context.facts has effect && context.facts.effect in [\"a\"] };",
                "write `[\"…\"].contains(…)` for text"
            ),
            ("\(scope) when { context.usage.amount > 5 };", "`usage` does not exist"),
            (
                "forbid (principal, action == Action::\"comand.run\", resource);",
                "did you mean `Action::\"command.run\"`?"
            ),
            ("forbid (principal is Robot, action, resource);", "unrecognized entity type"),
            ("\(scope) when { context.hour == \"9\" };", "not compatible"),
        ] {
            let found = problems(Self.permit + "@id(\"f\")\n" + text)
            #expect(found.count >= 1, "\(text)")
            #expect(found.contains { $0.contains(expected) }, "\(found)")
            #expect(found.allSatisfy { $0.hasPrefix("a.cedar:") }, "\(found)")
            #expect(found.allSatisfy { $0.utf8.count < 400 }, "\(found)")
        }
    }

    @Test("own schemas: shared members are added, once, and to whatever context")
    func ownSchema() throws {
        let schema = """
            entity Database;
            type Ask = { input: { rows: Long } };
            action "db";
            action "db.export" in [Action::"db"] appliesTo {
              principal: [Agent], resource: [Database], context: { input: { rows: Long } } };
            action "db.named" appliesTo {
              principal: [Agent], resource: [Database], context: Ask };
            action "db.bare" appliesTo { principal: [Agent], resource: [Database] };
            """
        let published = try set(
            """
            permit (principal, action in [Action::"db", Action::"db.named"], resource)
            when { context.input.rows < 10 && context.hour > 8 && context.gate.enforcing };
            """, schema: schema)
        let shared = [
            "behavior", "catalogue", "freezes", "gate", "hour", "intent", "now", "omitted",
            "onBehalfOf", "weekday",
        ]
        for (name, own) in [("db.export", ["input"]), ("db.named", ["input"]), ("db.bare", [])] {
            let action = published.schema.actions[EntityUID(type: "Action", id: name)]
            let names = action?.context.attributes.map(\.name) ?? []
            #expect(names.sorted() == (shared + own).sorted(), "\(name)")
        }
        #expect(published.schema.actions[EntityUID(type: "Action", id: "db")]?.principals == [])
    }

    @Test("own schemas that clash with the shipped one, or promise what nothing supplies")
    func clashes() {
        func found(_ schema: String) -> String {
            problems(Self.permit, schema: schema).joined(separator: "\n")
        }
        #expect(found("entity Agent;").contains("Agent"))
        #expect(
            found(
                "action x appliesTo { principal: [Agent], resource: [Host], "
                    + "context: { now: Long } };"
            ).contains("declares `now`, which every action has"))
        #expect(found("entity Database = { tier: String };").contains("nothing supplies it"))
        #expect(found("entity Database = { tier?: String };").isEmpty)
        let syntax = found("entity Database")
        #expect(syntax.hasPrefix("own.cedarschema:1:"), "\(syntax)")
        let nowhere = found("action x in [Action::\"nowhere\"];")
        #expect(nowhere.hasPrefix("own.cedarschema:1:"), "\(nowhere)")
    }

    @Test("what is valid and odd is a warning, with the reason")
    func warnings() throws {
        func warnings(_ text: String) throws -> String {
            try set(text).warnings.joined(separator: "\n")
        }
        #expect(try warnings(Self.permit).isEmpty)
        #expect(
            try warnings("@id(\"all\") permit (principal, action, resource);")
                .contains("permits every action"))
        #expect(
            try warnings("permit (principal, action, resource) when { context.hour > 8 };")
                .contains("permits every action"))
        #expect(
            try warnings(
                "permit (principal, action, resource) when { action in Action::\"command\" };"
            ).isEmpty)
        let forbid = "@id(\"f\") forbid (principal, action in Action::\"command\", resource) when "
        for (condition, expected) in [
            ("{ context.hour * 2 > 4 }", "`context.hour * 2` can overflow"),
            ("{ -context.hour < 0 }", "`-context.hour` can overflow"),
            (
                "{ context.now.offset(duration(\"1h\")) > datetime(\"2026-01-01\") }",
                "can overflow"
            ),
            ("{ false }", "policy is impossible"),
        ] {
            let found = try warnings(Self.permit + forbid + condition + ";")
            #expect(found.contains(expected), "\(condition): \(found)")
        }
        // A permit that fails permits nothing, so nobody needs to be warned.
        #expect(
            try warnings(
                Self.permit + "@id(\"g\") permit (principal, action == "
                    + "Action::\"command.run\", resource) when { context.hour + 1 > 2 };"
            ).isEmpty)
    }

    @Test("names of the language can't be taken, in whatever namespace")
    func languageNames() {
        for declaration in [
            "entity datetime;", "type datetime = Long;", "entity String;", "type Bool = String;",
            "namespace Foo { type decimal = Long; }", "namespace Foo { entity Record; }",
        ] {
            let found = problems(Self.permit, schema: declaration)
            #expect(found.contains { $0.contains("type of the language") }, "\(declaration)")
        }
        #expect(problems(Self.permit, schema: "entity Datetime;").isEmpty)
    }

    @Test("hole: what the input becomes is no type of a resource, so agents can't describe theirs")
    func builtResources() {
        let action = "action x appliesTo { principal: [Agent], resource: [Box], "
        let found = problems(
            Self.permit,
            schema: "entity Box tags String; \(action) context: { input: { labels: Box } } };")
        #expect(found.contains { $0.contains("`Box` has tags") }, "\(found)")
        // As a part of the input it may be anything.
        let part = """
            entity Bag = { repo: String } tags String;
            action x appliesTo { principal: [Agent], resource: [Host],
              context: { input: { labels: Bag } } };
            """
        #expect(problems(Self.permit, schema: part).isEmpty)
    }

    @Test("schemas made of tools pass the checks, open objects with required members too")
    func generatedSchemas() throws {
        let manifest = try ToolManifest(
            json: try JSON(
                parsing: """
                    {"tools":[{"name":"open","inputSchema":{"type":"object","required":["repo"],
                    "properties":{"repo":{"type":"string"},"meta":{"type":"object","required":["a"],
                    "properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"string"}}},
                    "additionalProperties":true}}]}
                    """))
        let schema = try ToolSchemaGenerator(.exequatur(server: "gh")).generate(manifest)
        let text = "permit (principal, action == Action::\"mcp.gh___open\", resource);"
        #expect(problems(text, schema: try schema.fragment.text) == [])
    }

    @Test("a set with more combinations than can be checked is refused at once")
    func tooMuchToCheck() {
        let actions = (0..<3_000).map { "a\($0)" }.joined(separator: ", ")
        let schema = "action \(actions) appliesTo { principal: [Agent], resource: [Host] };"
        let text = (0..<400).map { "@id(\"f\($0)\") forbid (principal, action, resource);" }
        let found = problems(Self.permit + text.joined(separator: "\n"), schema: schema)
        #expect(found.count == 1 && found[0].contains("more than can be checked"), "\(found)")
        let more = (0..<10_001).map { "a\($0)" }.joined(separator: ", ")
        #expect(!problems(Self.permit, schema: "action \(more);").isEmpty)
    }

    @Test("actions that are never asked for are named")
    func unreachable() throws {
        let found = try set(
            Self.permit,
            schema: """
                namespace Foo { action x appliesTo { principal: [Agent], resource: [Host] }; }
                action y appliesTo { principal: [Host], resource: [Host] };
                action z appliesTo { principal: [Agent], resource: [Host] };
                """
        ).warnings
        #expect(found.count == 2, "\(found)")
        #expect(found.contains { $0.contains("Foo::Action::\"x\"") })
    }

    @Test("a review that can never be met, unknown annotations and a zero quorum are refused")
    func refusedMarkers() {
        for annotation in [
            "@review(\"\")", "@review(\"a,,b\")", "@review(\"a\") @quorum(\"0\")",
            "@review(\"a\") @quorum(\"two\")", "@review(\"a\") @serverity(\"low\")",
            "@review(\"a\") @expires(\"soon\")", "@quorum(\"2\")", "@escalate(\"1m:a\")",
        ] {
            let text =
                Self.permit + "@id(\"r\") \(annotation) "
                + "forbid (principal, action in Action::\"command\", resource);"
            #expect(!problems(text).isEmpty, "\(annotation)")
        }
    }
}
