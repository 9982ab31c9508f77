// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Testing

@testable import Facts

@Suite struct CommandFactsTests {
    @Test func jsonIsWhatPolicySees() throws {
        let json = facts(of: "sqlite3 -csv app.db .dump").json
        #expect(
            try json.canonicalString()
                == #"{"argv":["sqlite3","-csv","app.db",".dump"],"effect":"export","#
                + #""effects":["export"],"inspectable":true,"kind":"command","#
                + #""operands":["app.db",".dump"],"options":["-csv"],"program":"sqlite3","#
                + #""reasons":[],"subcommand":[],"touchesServer":false}"#)
    }

    @Test(
        "the server's own folder is recognised by whatever path a command names it",
        arguments: [
            (["cat", "/opt/exq/admin.token"], true), (["cat", "../../opt/exq/keys/log.key"], true),
            (["ls", "/opt/exq"], true), (["ls", "/opt/exq/"], true),
            (["tar", "--file=/opt/./exq/../exq/x"], true), (["curl", "-d@/opt/exq/log.key"], true),
            (["docker", "run", "-v", "/opt/exq:/x", "i"], true),
            (["docker", "run", "--mount", "type=bind,source=/opt/exq,target=/x", "i"], true),
            (["cat", "/opt/exquisite"], false), (["cat", "/opt"], false), (["cat", "exq"], false),
        ])
    func guardedFolder(arguments: [String], touches: Bool) {
        let found = CommandFacts.derive(from: frozen(arguments), guarded: ["/opt/exq"])
        #expect(found.touchesServer == touches)
        #expect(found.json["touchesServer"] == .bool(touches))
        if touches { #expect(found.effect == .key) }
    }

    @Test("a working directory, a link's target and a bound file count as naming the folder")
    func guardedFolderBehindLinks() {
        let guarded = ["/opt/exq"]
        let inside = frozen(["cat", "admin.token"], cwd: "/opt/exq")
        #expect(CommandFacts.derive(from: inside, guarded: guarded).touchesServer)
        for list in ["operands", "bindings"] {
            let linked = frozen(
                ["cat", "innocent"], adding: [(list, [["path": "/opt/exq/admin.token"]])])
            #expect(CommandFacts.derive(from: linked, guarded: guarded).touchesServer, "\(list)")
        }
        #expect(!CommandFacts.derive(from: inside, guarded: []).touchesServer)
    }

    @Test func subcommandOptionsAndOperandsAreTold() {
        let found = facts(of: "kubectl -n prod get pods -o json web-1")
        #expect(found.program == "kubectl")
        #expect(found.subcommand == ["get"])
        #expect(found.options == ["-n", "-o"])
        #expect(found.operands == ["pods", "web-1"])
    }

    @Test(arguments: [
        JSON.null, ["argv": []], ["argv": [1]], ["argv": "ls"], ["argv": ["ls", 1]], [:],
        ["argv": [""]],
    ])
    func shapelessInputIsUnknown(input: JSON) {
        let found = CommandFacts.derive(from: input)
        #expect(found.effect == .unknown)
        #expect(!found.isInspectable)
    }

    @Test func unboundExecutableIsNeverRead() {
        let found = CommandFacts.derive(from: frozen(["ls"], without: ["executable"]))
        #expect(found.effect == .unknown)
        #expect(!found.isInspectable)
    }

    @Test(arguments: ["/home/eve/bin/ls", "/tmp/ls", "/srv/app/ls", "/usr/local/share/x/ls"])
    func programOutsideTheSystemIsNeverRead(path: String) {
        #expect(CommandFacts.derive(from: frozen(["ls"], path: path)).effect == .unknown)
    }

    @Test(arguments: [
        ("ls", "/usr/bin/python3.11", "python3"), ("cat", "/usr/bin/systemctl", "systemctl"),
        ("ls", "/usr/bin/kmod", "kmod"), ("head", "/usr/bin/dash", "dash"),
    ])
    func misleadingLinkIsSeenThrough(called: String, path: String, program: String) {
        let found = CommandFacts.derive(from: frozen([called, "x"], path: path))
        #expect(found.program == program)
        #expect(found.effect != .read)
    }

    @Test(arguments: [
        ("lsmod", "/usr/bin/kmod"), ("ls", "/usr/bin/busybox"), ("ls", "/usr/bin/coreutils"),
        ("which", "/usr/bin/which.debianutils"), ("pvs", "/usr/sbin/lvm"),
    ])
    func multiCallProgramGoesByItsName(called: String, path: String) {
        let found = CommandFacts.derive(from: frozen([called], path: path))
        #expect(found.program == called)
        #expect(found.effect == .read)
    }

    @Test(arguments: ["LD_PRELOAD", "BASH_ENV", "GIT_EXTERNAL_DIFF", "TAR_OPTIONS", "PYTHONPATH"])
    func loaderVariableIsNeverRead(name: String) {
        let input = frozen(["ls"], environment: [name: "/tmp/evil.so"])
        #expect(CommandFacts.derive(from: input).effect == .unknown)
    }

    @Test func pagerVariableOtherThanCatIsNeverRead() {
        let input = frozen(["ls"], environment: ["PAGER": "sh"])
        #expect(CommandFacts.derive(from: input).effect == .unknown)
    }

    @Test func pagingProgramNeedsTheQuietPager() {
        for (arguments, expected) in [
            (["git", "log"], Effect.unknown), (["git", "--no-pager", "log"], .read),
            (["systemctl", "status"], .unknown), (["systemctl", "--no-pager", "status"], .read),
        ] {
            var input = frozen(arguments)
            guard case .object(var members) = input else { return }
            members["environment"] = ["HOME": "/home/deploy", "PATH": "/usr/bin"]
            input = .object(members)
            #expect(CommandFacts.derive(from: input).effect == expected)
        }
    }

    @Test func foreignHomeIsNeverReadForProgramsWithSettings() {
        let elsewhere = ["HOME": "/tmp/evil"]
        let kubectl = frozen(["kubectl", "get", "pods"], environment: elsewhere)
        #expect(CommandFacts.derive(from: kubectl).effect == .unknown)
        #expect(CommandFacts.derive(from: frozen(["ls"], environment: elsewhere)).effect == .read)
        let config = frozen(["kubectl", "get", "pods"], environment: ["KUBECONFIG": "/tmp/evil"])
        #expect(CommandFacts.derive(from: config).effect == .unknown)
    }

    @Test func helpersComeFromSystemDirectoriesOnly() {
        let path = ["PATH": "/home/eve/bin:/usr/bin"]
        let tar = frozen(["tar", "-tzf", "a.tgz"], environment: path)
        #expect(CommandFacts.derive(from: tar).effect == .unknown)
        #expect(CommandFacts.derive(from: frozen(["cat", "a"], environment: path)).effect == .read)
    }

    @Test(arguments: [
        "[core]\n\tfsmonitor = id\n", "[diff \"x\"]\n\ttextconv = id\n",
        "[include]\n\tpath = /tmp/evil\n", "[core]\n\tpager = id\n", "[alias]\n\tst = !id\n",
        "[core] fsmonitor = id\n", "[core]\n\tsshCommand = id\n", "[filter \"x\"]\n\tclean = id\n",
        "[core]\n\thooksPath = /tmp\n", "[remote \"x\"]\n\tuploadpack = id\n",
    ])
    func repositoryConfigurationThatRunsSomethingIsNeverRead(text: String) {
        let configuration: JSON = [["path": "/srv/app/.git/config", "text": .string(text)]]
        let input = frozen(["git", "status"], adding: [("configuration", configuration)])
        #expect(CommandFacts.derive(from: input).effect == .unknown)
    }

    @Test func unboundRepositoryConfigurationIsNeverRead() {
        let input = frozen(["git", "status"], without: ["configuration"])
        #expect(CommandFacts.derive(from: input).effect == .unknown)
    }

    @Test func linkedOperandIsJudgedByWhereItLeads() {
        let operands: JSON = [["digest": "sha256:00", "path": "/etc/shadow"]]
        let input = frozen(["cat", "notes.txt"], adding: [("operands", operands)])
        #expect(CommandFacts.derive(from: input).effect == .key)
    }

    @Test func statementsOnInputCount() {
        let select: JSON = ["kind": "bytes", "text": "grant all on t to eve;"]
        let input = frozen(["psql", "db"], adding: [("stdin", select)])
        #expect(CommandFacts.derive(from: input).effect == .role)
        let binary: JSON = ["base64": "AAE=", "kind": "bytes"]
        let opaque = frozen(["psql", "db"], adding: [("stdin", binary)])
        #expect(!CommandFacts.derive(from: opaque).isInspectable)
    }

    @Test func scriptTextRaisesTheEffect() {
        let script: JSON = ["path": "/srv/x.sh", "text": "#!/bin/sh\nset -e\npg_dump prod\n"]
        let found = CommandFacts.derive(
            from: frozen(["sh", "x.sh"], path: "/usr/bin/dash", adding: [("script", script)]))
        #expect(found.effect == .unknown || found.effect == .export)
        #expect(!found.isInspectable)
    }

    @Test func lettersThatOnlyLookAlikeAreNotTheTables() {
        // The Kelvin sign is canonically equivalent to `K`, and Swift's `==` says so.
        #expect(facts(of: "ss -\u{212A}").effect == .unknown)
        #expect(facts(of: "l\u{455}").effect == .unknown)
    }

    @Test func uninspectableIsNeverRead() {
        for row in EffectTableTests.rows where !row.isInspectable {
            #expect(facts(of: row.command).effect != .read)
        }
    }
}

@Suite struct ProgramTableTests {
    @Test func everyShippedLineIsARow() {
        for line in ProgramTable.lines {
            #expect(ProgramRow(line: line) != nil, "\(line)")
        }
    }

    @Test func everyProgramHasARowOfItsOwn() {
        for program in ProgramTable.shipped.programs {
            let rows = ProgramTable.shipped.rows(of: program)
            #expect(rows.contains { $0.subcommands.isEmpty }, "\(program)")
        }
    }

    @Test func tableListsMoreThanFourHundredPrograms() {
        #expect(ProgramTable.shipped.programs.count >= 400)
    }

    @Test(arguments: ["", "ls", "ls | nothing", "ls | read | x", "ls | read | -a:nothing | none"])
    func brokenLineIsRefused(line: String) {
        #expect(ProgramRow(line: line) == nil)
    }

    @Test func everyReadRowListsItsOptions() {
        for line in ProgramTable.lines {
            guard let row = ProgramRow(line: line), row.effect == .read else { continue }
            #expect(!row.takesAnyOption, "\(line)")
        }
    }

    /// An unlisted option right after the program takes `read` away from every program that
    /// has options at all.
    @Test func unlistedOptionTakesReadAway() {
        for row in EffectTableTests.rows where row.effect == .read {
            var changed = words(row.command)
            if ["echo", "printf", "test", "true"].contains(changed[0]) { continue }
            changed.insert("--no-such-option-zz", at: 1)
            #expect(CommandFacts.derive(from: frozen(changed)).effect != .read, "\(changed)")
        }
    }
}

@Suite struct GlobTests {
    @Test(arguments: [
        ("*", "", true), ("a*b", "ab", true), ("a*b", "axxb", true), ("a*b", "axxc", false),
        ("*x*", "axb", true), ("", "", true), ("", "a", false), ("**", "a", true),
        ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false), ("K", "\u{212A}", false),
    ])
    func matches(pattern: String, word: String, expected: Bool) {
        #expect(Glob.matches(pattern, word) == expected)
    }
}

@Suite struct EnvironmentRulesTests {
    @Test(arguments: [
        ("HOME", "/home/x", EnvironmentRules.Treatment.pass), ("LC_ALL", "C", .pass),
        ("LD_PRELOAD", "x", .dangerous), ("LD_LIBRARY_PATH", "x", .dangerous),
        ("BASH_ENV", "x", .dangerous), ("ENV", "x", .dangerous), ("PYTHONPATH", "x", .dangerous),
        ("NODE_OPTIONS", "x", .dangerous), ("PERL5OPT", "x", .dangerous),
        ("RUBYOPT", "x", .dangerous), ("GIT_SSH_COMMAND", "x", .dangerous),
        ("BASH_FUNC_ls%%", "() { id; }", .dangerous), ("X", "() { id; }", .dangerous),
        ("FOO", "x", .other), ("EXEQUATUR_TOKEN", "x", .other), ("PGPASSWORD", "x", .secret),
        ("AWS_SECRET_ACCESS_KEY", "x", .secret), ("AWS_REGION", "x", .pass),
        ("DATABASE_URL", "postgres://u:p@h/d", .secret), ("PGHOST", "h", .pass),
        ("GITHUB_TOKEN", "ghp_x", .secret),
    ])
    func variableIsTreated(name: String, value: String, expected: EnvironmentRules.Treatment) {
        #expect(EnvironmentRules.treatment(of: name, value: value) == expected)
    }

    @Test func askingDoesNotMakeADangerousOneSafe() {
        #expect(EnvironmentRules.treatment(of: "LD_PRELOAD", value: "x", asked: true) == .dangerous)
        #expect(
            EnvironmentRules.treatment(of: "EXEQUATUR_TOKEN", value: "x", asked: true) == .other)
        #expect(EnvironmentRules.treatment(of: "FOO", value: "x", asked: true) == .pass)
        #expect(EnvironmentRules.treatment(of: "FOO", value: "AKIAX", asked: true) == .secret)
    }
}
