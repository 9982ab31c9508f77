// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

@Suite("Rendering: what a reviewer sees")
struct RenderingTests {
    @Test("answers who, what, policy and why, in that order")
    func fourQuestionsInOrder() throws {
        let action = try Fixtures.action(
            effect: "export", input: ["executable": ["digest": "abc", "path": "/usr/bin/sqlite3"]],
            intent: Intent(
                justification: "nightly copy",
                trigger: Intent.Trigger(kind: "prompt", id: "p1", parent: nil)))
        let rendering = try Fixtures.rendering(action) { $0 == .alice ? "Alice Aubert" : nil }
        #expect(rendering.sections.map(\.kind) == [.who, .what, .policy, .why])
        #expect(rendering.text(.who, "Owner of the agent") == "\"Alice Aubert\" (alice)")
        #expect(rendering.text(.who, "Agent") == "deploy-bot")
        #expect(rendering.text(.who, "Advisory") != nil)
        #expect(
            rendering.text(.what, "Command")
                == "[0] \"sqlite3\"\n[1] \"app.db\"\n[2] \".dump\"")
        #expect(rendering.text(.what, "Working directory") == "\"/srv/app\"")
        #expect(rendering.text(.what, "/input/executable/path") == "\"/usr/bin/sqlite3\"")
        #expect(rendering.text(.what, "Computed effect") == "export")
        #expect(rendering.text(.what, "Operation digest") == action.operationDigest.hex)
        #expect(
            rendering.text(.policy, "Rule commands.export")
                == "asks for a review, severity high: The command exports data.")
        #expect(rendering.text(.policy, "Needs") == "1 of reviewers and 1 of security")
        #expect(rendering.text(.policy, "Deadline")?.hasPrefix("2026-11-21T10:00:00.000Z") == true)
        #expect(rendering.text(.why, "The agent claims") == "> nightly copy")
        #expect(rendering.isComplete)
    }

    @Test("the same action gives the same digest, another byte another one")
    func deterministic() throws {
        let one = try Fixtures.rendering(try Fixtures.action())
        let two = try Fixtures.rendering(try Fixtures.action())
        let other = try Fixtures.rendering(
            try Fixtures.action(argv: ["sqlite3", "app.db", ".dumP"]))
        #expect(one == two)
        #expect(one.digest == two.digest)
        #expect(one.digest != other.digest)
    }

    @Test("is read back as written, and refused when its content was changed")
    func roundTrip() throws {
        let rendering = try Fixtures.rendering(try Fixtures.action())
        let bytes = try rendering.json.canonicalBytes()
        let read = try Rendering(try JSON(canonical: bytes))
        #expect(read == rendering)
        #expect(read.digest == rendering.digest)
        let changed = String(decoding: bytes, as: UTF8.self)
            .replacing("sqlite3", with: "sqlite4")
        #expect(throws: (any Error).self) { try Rendering(try JSON(parsing: changed)) }
        var extra = rendering.json.objectValue ?? [:]
        extra["approved"] = true
        #expect(throws: (any Error).self) { try Rendering(.object(extra)) }
    }

    @Test("nothing of the frozen input is left out, whatever its names and shapes")
    func everyScalarIsShown() throws {
        var random = SeededRandom.forTest()
        for round in 0..<200 {
            var input = JSONObject()
            var marks: [String] = []
            for index in 0..<Int.random(in: 1...6, using: &random) {
                let mark = "mark-\(round)-\(index)-\(random.next() % 1000)"
                marks.append(mark)
                let names = ["argv", "cwd", "environment", "stdin", "script", "zz", "executable"]
                let name = names.randomElement(using: &random) ?? "zz"
                let shapes: [JSON] = [
                    .string(mark), [.string(mark), 1], ["a": .string(mark)],
                    ["kind": "null", "text": .string(mark)], [["b": [.string(mark), nil]]],
                ]
                let key = index == 0 ? name : "\(name)\(index)"
                input[key] = shapes.randomElement(using: &random) ?? .null
            }
            let action = try Action(
                id: ActionID(now: .start, random: (1, 2)), nonce: .of("n"),
                operation: try Operation(
                    action: "command.run", resourceType: "Host", resourceID: "h", input: input),
                intent: .none,
                requester: Requester(
                    agent: .bot, owner: .alice, onBehalfOf: nil, credential: "c"),
                gate: GateReference(id: .advisoryGate, enforcing: false),
                facts: Fixtures.facts("write"))
            let everything = try Fixtures.rendering(action).everything
            for mark in marks { #expect(everything.contains(mark), "\(input)") }
        }
    }

    @Test("another action is shown by JSON pointers")
    func genericByPointer() throws {
        let action = try Fixtures.action(
            input: ["a/b": ["c~d": [1, "1", nil, true, [:]]]], actionName: "mcp.github_create")
        let rows = try Fixtures.rendering(action).section(.what).rows
        let found = rows.filter { $0.label.hasPrefix("/input") }.map { "\($0.label) = \($0.text)" }
        #expect(
            found == [
                "/input/a~1b/c~0d/0 = 1", "/input/a~1b/c~0d/1 = \"1\"",
                "/input/a~1b/c~0d/2 = null", "/input/a~1b/c~0d/3 = true",
                "/input/a~1b/c~0d/4 = {}",
            ])
    }

    @Test("environment, dropped names, standard input, script and bindings of a command")
    func commandMembers() throws {
        let action = try Fixtures.action(
            input: [
                "bindings": [["digest": "d2", "path": "/srv/app/run.sh", "text": "echo hi\n"]],
                "dropped": ["LD_PRELOAD", "BASH_ENV"],
                "environment": ["LANG": "C", "PATH": "/usr/bin"],
                "script": ["digest": "d1", "text": "#!/bin/sh\nrm -r x"],
                "stdin": ["kind": "null"],
                "operands": [["digest": "d3", "path": "/srv/app/app.db"]],
            ])
        let rendering = try Fixtures.rendering(action)
        #expect(
            rendering.text(.what, "Environment") == "\"LANG\"=\"C\"\n\"PATH\"=\"/usr/bin\"")
        #expect(
            rendering.text(.what, "Dropped from the environment")
                == "[0] \"LD_PRELOAD\"\n[1] \"BASH_ENV\"")
        #expect(rendering.text(.what, "Standard input") == "empty (/dev/null)")
        #expect(
            rendering.text(.what, "/input/script/text")
                == "| #!/bin/sh\n| rm -r x\n\u{2026} no line feed at the end")
        #expect(rendering.text(.what, "/input/bindings/0/text") == "\"echo hi\\n\"")
        #expect(rendering.text(.what, "/input/operands/0/path") == "\"/srv/app/app.db\"")
        #expect(rendering.isComplete)
    }

    @Test("uninspectable is said where facts are missing or say so")
    func uninspectable() throws {
        for facts: JSON in [[:], ["inspectable": false], ["inspectable": "true"]] {
            let rendering = try Fixtures.rendering(try Fixtures.action(facts: facts))
            #expect(rendering.text(.what, "Uninspectable") != nil)
            #expect(rendering.warnings.contains { $0.hasPrefix("uninspectable") })
        }
    }

    @Test("errors of policies are shown")
    func policyErrors() throws {
        let environment = try Fixtures.environment(
            "@id(\"p\") permit (principal, action, resource);"
                + "@id(\"e\") @review(\"reviewers\") forbid (principal, action, resource)"
                + " when { context.hour * 9223372036854775807 == 1 };")
        let action = try Fixtures.action()
        let verdict = environment.evaluate(action, at: .start)
        let rendering = Renderer.render(
            action: action, verdict: verdict, deadline: nil, name: { _ in nil })
        #expect(rendering.text(.policy, "Error in e") != nil)
    }
}
