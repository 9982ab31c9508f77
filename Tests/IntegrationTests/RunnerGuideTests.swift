// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Guide of the command runner")
struct RunnerGuideTests {
    @Test("Its policies are good ones, and its commands have the options that it shows")
    func guide() throws {
        let guide = try Guide("docs/how-to/run-commands-as-another-user.md")
        #expect(guide.policies.contains("the-runner-reads-what-was-looked-at"))
        let folder = try TemporaryFolder()
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
        try FileManager.default.copyItem(
            atPath: root + "/policies/starter", toPath: folder.path + "/set")
        _ = try folder.write("set/90-guide.cedar", guide.policies)
        let checked = try Program.run(["policy", "check", folder.path + "/set"])
        #expect(checked.status == 0, "\(checked.out)\(checked.err)")

        let help = try Program.run(["gateway", "command", "--help"]).out
        for option in [
            "--socket", "--allow-user", "--socket-group", "--state", "--directory", "--pass-env",
            "--env", "--show-env", "--as", "--listen", "--insecure", "--grace", "--require",
        ] {
            #expect(help.contains(option), "\(option)")
        }
    }

    @Test("A runner that is not there, and options that do not go together, are told")
    func badCalls() throws {
        let token =
            "exq1_a_" + String(repeating: "0", count: 32) + "_"
            + String(repeating: "x", count: 60)
        let folder = try TemporaryFolder()
        let calls: [(arguments: [String], status: Int32)] = [
            (["--runner", folder.path + "/none", "--", "true"], 69),
            (["--runner", "http://127.0.0.1:1", "--", "true"], 69),
            (["--runner", "http://192.0.2.1:8430", "--", "true"], 64),
            (["--runner", "", "--", "true"], 64),
            (["--runner", folder.path, "--", "true"], 77),
            (["--runner", folder.path + "/none", "--env", "NOT_THERE", "--", "true"], 64),
            (["--directory", "/", "--", "true"], 64),
        ]
        for call in calls {
            let result = try Program.run(
                ["run", "--no-stdin"] + call.arguments, environment: ["EXEQUATUR_TOKEN": token])
            #expect(result.status == call.status, "\(call.arguments): \(result.err)")
            #expect(!result.err.isEmpty)
        }
        for options in [
            [], ["--socket", "/a", "--listen", "127.0.0.1:0"],
            ["--listen", "127.0.0.1:0", "--allow-user", "0"], ["--socket", "/a", "--env", "LD_X"],
            ["--socket", "/a", "--output-limit", "0"], ["--socket", "/a", "--require", "fax"],
        ] {
            let result = try Program.run(["gateway", "command"] + options)
            #expect(result.status == 64, "\(options): \(result.err)")
        }
    }
}
