// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@Suite("The command line without a server")
struct CommandLineTests {
    @Test(
        "Wrong usage ends with 64 and prints nothing on standard output",
        arguments: [
            ["list", "--state", "nonsense"], ["list", "--limit", "0"], ["approve", "act_1"],
            ["approve", "act_1", "--expect", "abc"],
            ["approve", "act_1", "--expect", "ABCDEF0123456789"], ["deny", "act_1"],
            ["show", ".."], ["settle", "act_1", "--status", "lost", "--reason", "r"], ["nonsense"],
            ["list", "--url", "ftp://localhost"], ["list", "--url", "http://u:p@localhost"],
        ])
    func usage(_ arguments: [String]) throws {
        let result = try Program.run(arguments)
        #expect(result.status == 64, "\(result.err)")
        #expect(result.out.isEmpty)
        #expect(!result.err.isEmpty)
    }

    @Test("A server that is not there ends with 69, in one line")
    func unreachable() throws {
        // Port 1 needs privileges to listen on, so nobody does.
        let result = try Program.run(["list"], environment: ["EXEQUATUR_URL": "http://127.0.0.1:1"])
        #expect(result.status == 69)
        #expect(result.out.isEmpty)
        #expect(
            result.err == """
                error: cannot reach `http://127.0.0.1:1`: connection refused; start it with \
                `exequatur serve` or set EXEQUATUR_URL

                """)
    }

    @Test(
        "A token does not leave the machine unencrypted unless told so",
        arguments: [
            "http://192.0.2.1:8420", "http://127.0.0.1.example.com", "http://localhost.example.com",
        ])
    func plain(_ url: String) throws {
        let environment = ["EXEQUATUR_URL": url, "EXEQUATUR_TOKEN": "exq1_p_00"]
        let result = try Program.run(["list"], environment: environment)
        #expect(result.status == 64)
        #expect(result.err.contains("refusing to send the token over plain http"))
        #expect(!result.err.contains("exq1_p_00"))
    }

    @Test("A token that would break a header is refused without being printed")
    func header() throws {
        let environment = ["EXEQUATUR_TOKEN": "a\r\nx: secret"]
        let result = try Program.run(["list"], environment: environment)
        #expect(result.status == 1)
        #expect(!result.err.contains("secret"))
    }

    @Test(
        "What is no receipt does not verify",
        arguments: [
            "", "{}", "[]", "not JSON", #"{"v":1}"#, "{\"a\":1,\"a\":2}", "\u{FEFF}{}",
        ])
    func receipt(_ text: String) throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("receipt.json", text)
        #expect(try Program.run(["verify", file]).status == 1)
    }

    @Test("Policies are checked offline, with the place of each problem")
    func policies() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("10-good.cedar", "permit (principal, action, resource);\n")
        #expect(try Program.run(["policy", "check", folder.path]).status == 0)
        _ = try folder.write("20-bad.cedar", "permit (principal, action resource);\n")
        let bad = try Program.run(["policy", "check", folder.path, "--json"])
        #expect(bad.status == 1)
        let report = try JSON(parsing: bad.out.trimmingCharacters(in: .newlines))
        #expect(report["ok"]?.boolValue == false)
        let problem = report["problems"]?[0]?.stringValue ?? ""
        #expect(problem.hasPrefix("20-bad.cedar:1:"), "\(problem)")
    }

    @Test("A Cedar request is answered from files, with every reason and error")
    func authorize() throws {
        let folder = try TemporaryFolder()
        let policies = try folder.write(
            "policies.cedar",
            """
            permit (principal == User::"alice", action, resource) when { context.level > 2 };
            forbid (principal, action, resource) when { context.missing };
            """)
        let entities = try folder.write("entities.json", "[]")
        let names =
            #""principal":"User::\"alice\"","action":{"type":"Action","id":"view"},"#
            + #""resource":{"__entity":{"type":"File","id":"x"}}"#
        for (level, decision) in [(3, "allow"), (2, "deny")] {
            let request = try folder.write(
                "request.json", "{\(names),\"context\":{\"level\":\(level)}}")
            let result = try Program.run([
                "policy", "authorize", "--policies", policies, "--entities", entities,
                "--request", request,
            ])
            #expect(result.status == 0, "\(result.err)")
            let answer = try JSON(parsing: result.out.trimmingCharacters(in: .newlines))
            #expect(answer["decision"]?.stringValue == decision)
            #expect(answer["reasons"] == (level == 3 ? ["policy0"] : []))
            #expect(answer["errors"]?[0]?["policy"] == "policy1")
        }
    }

    @Test("A failing conformance test is counted and named")
    func corpus() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("p.cedar", "permit (principal, action, resource);")
        _ = try folder.write("e.entities.json", "[]")
        let request =
            #"{"principal":{"type":"U","id":"a"},"action":{"type":"Action","id":"v"},"#
            + #""resource":{"type":"F","id":"x"},"context":{},"errors":[],"#
        for (name, answer) in [
            ("right", #""decision":"allow","reason":["policy0"]}"#),
            ("wrong", #""decision":"deny","reason":[]}"#),
        ] {
            _ = try folder.write(
                "\(name).json",
                #"{"policies":"p.cedar","entities":"e.entities.json","requests":["#
                    + request + answer + "]}")
        }
        let result = try Program.run(["policy", "corpus", folder.path])
        #expect(result.status == 1)
        let lines = result.out.split(separator: "\n")
        #expect(lines.first?.hasPrefix("wrong.json: request 1") == true)
        #expect(lines.last == "1 passed, 1 failed")
    }

    @Test("A folder without policies is not a policy set")
    func noPolicies() throws {
        let folder = try TemporaryFolder()
        #expect(try Program.run(["policy", "check", folder.path]).status == 1)
        #expect(try Program.run(["policy", "check", folder.path + "/missing"]).status == 1)
    }
}
