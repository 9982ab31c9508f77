// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import ExequaturClient
import Foundation
import Testing

@testable import Gates

@Suite struct RunnerRulesTests {
    private func rules(_ place: CommandFixture) -> RunnerRules {
        RunnerRules(
            home: place.directory,
            surroundings: place.surroundings(["PGPASSWORD": "p", "AWS_PROFILE": "prod"]),
            host: "web1")
    }

    private func request(
        variables: [String: String] = [:], directory: String? = nil
    ) -> RunnerRequest {
        RunnerRequest(
            arguments: ["true"], reason: nil, wait: .zero, input: .null, variables: variables,
            bindings: [], directory: directory)
    }

    @Test func rootIsLetInOnlyByName() throws {
        var rules = rules(try CommandFixture())
        func peer(_ user: UInt32) -> RunnerPeer { RunnerPeer(process: 1, user: user, group: 1) }
        #expect(rules.admits(peer(1_000)))
        #expect(!rules.admits(peer(0)))
        rules.users = [1_000]
        #expect(rules.admits(peer(1_000)))
        #expect(!rules.admits(peer(1_001)))
        #expect(!rules.admits(peer(0)))
        rules.users = [0]
        #expect(rules.admits(peer(0)))
    }

    @Test(arguments: [
        "LD_PRELOAD", "PATH", "HOME", "PWD", "BASH_ENV", "GIT_DIR", "XDG_CONFIG_HOME", "PAGER",
        "EXEQUATUR_TOKEN", "a-b", "", "SHELL", "IFS", "PYTHONPATH",
    ])
    func variablesThatDecideWhatRunsAreNeverPassed(name: String) throws {
        #expect(RunnerRules.problem(passing: name) != nil)
        var rules = rules(try CommandFixture())
        // Not even if somebody got it into the list.
        rules.passed = [name]
        #expect(throws: RunnerRefusal.self) {
            try rules.command(request(variables: [name: "x"]), from: nil)
        }
    }

    @Test func allowedVariablesReplaceTheRunnersOwn() throws {
        var rules = rules(try CommandFixture())
        rules.passed = ["AWS_PROFILE", "RELEASE"]
        let (command, found) = try rules.command(
            request(variables: ["AWS_PROFILE": "test", "RELEASE": "1"]), from: nil)
        #expect(found.environment["AWS_PROFILE"] == "test")
        #expect(found.environment["PGPASSWORD"] == "p")
        #expect(Set(command.variables) == ["AWS_PROFILE", "RELEASE"])
        let token = "exq1_a_" + String(repeating: "0", count: 32) + "_x"
        for value in ["() { :; }", "a \(token) b"] {
            #expect(throws: RunnerRefusal.self) {
                try rules.command(request(variables: ["RELEASE": value]), from: nil)
            }
        }
    }

    @Test func foldersAreThoseAllowedAndWhatIsInThem() throws {
        let place = try CommandFixture()
        var rules = rules(place)
        try place.write("work/deep/x", "")
        try place.write("workshop/x", "")
        let work = place.directory + "/work"
        #expect(try rules.command(request(), from: nil).1.directory == place.directory)
        #expect(throws: RunnerRefusal.self) {
            try rules.command(request(directory: work), from: nil)
        }
        rules.folders = [work]
        for good in [work, work + "/deep", work + "/deep/../deep"] {
            _ = try rules.command(request(directory: good), from: nil)
        }
        symlink("/tmp", work + "/out")
        for bad in [
            "/", place.directory + "/workshop", work + "/../..", work + "/out", "work", "",
            work + "/none",
        ] {
            #expect(throws: RunnerRefusal.self, "\(bad)") {
                try rules.command(request(directory: bad), from: nil)
            }
        }
    }

    @Test func folderChainsComparePartByPart() {
        #expect(FolderChain.isBelow("/a/b", "/a"))
        #expect(FolderChain.isBelow("/a", "/a"))
        #expect(FolderChain.isBelow("/a", "/"))
        #expect(!FolderChain.isBelow("/ab", "/a"))
        #expect(!FolderChain.isBelow("/", "/a"))
        #expect(!FolderChain.isBelow("/e\u{301}", "/\u{E9}"))
    }
}

@Suite struct CommandAudienceTests {
    private func freeze(
        _ place: CommandFixture, _ audience: CommandAudience, _ arguments: [String],
        bindings: [String] = [], environment: [String: String] = [:]
    ) throws -> FrozenCommand {
        var surroundings = place.surroundings(environment)
        surroundings.audience = audience
        let key = try #require(DigestKey(bytes: Array(repeating: 7, count: 32)))
        return try CommandFreezer(key: key).freeze(
            CommandRequest(arguments: arguments, bindings: bindings, host: "test"),
            surroundings: surroundings)
    }

    private static let stranger = CommandAudience.account(
        user: 65_001, group: 65_001, variables: [])

    @Test func privateFilesAreBoundButNotShown() throws {
        let place = try CommandFixture()
        try place.write("secret.sh", "echo s3cret\n", mode: 0o700)
        let own = try freeze(place, .own, ["sh", "secret.sh"])
        #expect(own.input.description.contains("s3cret"))
        for audience in [Self.stranger, .remote(folders: [], variables: [])] {
            let frozen = try freeze(place, audience, ["sh", "secret.sh"])
            #expect(!frozen.input.description.contains("s3cret"))
            let digest = frozen.input["script"]?["digest"]?.stringValue
            #expect(digest?.hasPrefix("hmac-sha256:") == true)
            #expect(frozen.input["script"]?["size"] == nil)
            // It is bound all the same.
            guard case .ready = CommandBinding.recheck(frozen) else {
                Issue.record("nothing has changed yet")
                continue
            }
            try place.write("secret.sh", "echo other\n", mode: 0o700)
            #expect(place.mismatches(frozen).contains(.script))
            try place.write("secret.sh", "echo s3cret\n", mode: 0o700)
        }
    }

    @Test func privateFilesAreNotBoundForReviewers() throws {
        let place = try CommandFixture()
        try place.write("secret", "s3cret", mode: 0o600)
        for path in ["secret", "nothing"] {
            let error = #expect(throws: FreezeError.self) {
                try freeze(place, Self.stranger, ["true"], bindings: [path])
            }
            #expect(
                error
                    == .unreadable(path: path, cause: "it is not there, or not for you to read"))
        }
    }

    @Test func whatTheAskerCouldReadIsShown() throws {
        let place = try CommandFixture()
        chmod(place.directory, 0o755)
        try place.write("open.sh", "echo open\n", mode: 0o755)
        let frozen = try freeze(place, Self.stranger, ["sh", "open.sh"], bindings: ["open.sh"])
        #expect(frozen.input["script"]?["text"] == "echo open\n")
        // A folder on the way that he cannot enter is as good as a mode on the file.
        chmod(place.directory, 0o700)
        let hidden = try freeze(place, Self.stranger, ["sh", "open.sh"])
        #expect(hidden.input["script"]?["text"] == nil)
        let remote = CommandAudience.remote(folders: [place.directory], variables: [])
        let shared = try freeze(place, remote, ["sh", "open.sh"])
        #expect(shared.input["script"]?["text"] == "echo open\n")
    }

    @Test func aFolderExchangedForALinkDoesNotOpenWhatIsBehindIt() throws {
        let place = try CommandFixture()
        chmod(place.directory, 0o755)
        try place.write("open/file", "text", mode: 0o644)
        try place.write("private/file", "s3cret", mode: 0o644)
        chmod(place.directory + "/open", 0o755)
        chmod(place.directory + "/private", 0o700)
        let path = place.directory + "/open/file"
        let file = try OpenFile(canonical: path, keeping: 10, limit: 10)
        #expect(Self.stranger.mayRead(file))
        // As when the path was resolved, and then the folder was exchanged before it was opened.
        rename(place.directory + "/open", place.directory + "/was-open")
        symlink("private", place.directory + "/open")
        let other = try OpenFile(canonical: path, keeping: 10, limit: 10)
        #expect(other.bytes == Array("s3cret".utf8))
        #expect(!Self.stranger.mayRead(other))
        #expect(!Self.stranger.mayRead(file))
        let remote = CommandAudience.remote(
            folders: [place.directory + "/open"], variables: [])
        #expect(!remote.mayRead(other))
    }

    @Test func ownersAndGroupsAreTheFirstThatFit() throws {
        let place = try CommandFixture()
        chmod(place.directory, 0o755)
        let (user, group) = (geteuid(), getegid())
        let cases: [(mode: Int, user: UInt32, group: UInt32, isShown: Bool)] = [
            (0o044, user, group, user == 0), (0o640, user &+ 1, group, true),
            (0o604, user &+ 1, group, false), (0o604, user &+ 1, group &+ 1, true),
            (0o640, user &+ 1, group &+ 1, false),
        ]
        for each in cases {
            let path = try place.write("file", "text", mode: each.mode)
            // Only root opens what its mode forbids.
            guard let file = try? OpenFile(canonical: path, keeping: 10, limit: 10) else {
                continue
            }
            let audience = CommandAudience.account(
                user: each.user, group: each.group, variables: [])
            #expect(audience.mayRead(file) == each.isShown, "\(each)")
        }
    }

    @Test func valuesOfTheGatesVariablesAreNotShownUnlessTold() throws {
        let place = try CommandFixture()
        let environment = ["TF_VAR_db": "hunter2", "AWS_PROFILE": "prod", "LANG": "C"]
        let hidden = try freeze(place, Self.stranger, ["true"], environment: environment)
        let shown = hidden.input["environment"]
        #expect(shown?["TF_VAR_db"]?["keyedDigest"] != nil)
        #expect(shown?["AWS_PROFILE"]?["keyedDigest"] != nil)
        #expect(shown?["LANG"] == "C")
        let told = CommandAudience.account(user: 1, group: 1, variables: ["AWS_PROFILE"])
        let frozen = try freeze(place, told, ["true"], environment: environment)
        #expect(frozen.input["environment"]?["AWS_PROFILE"] == "prod")
        #expect(frozen.input["environment"]?["TF_VAR_db"]?["keyedDigest"] != nil)
    }
}
