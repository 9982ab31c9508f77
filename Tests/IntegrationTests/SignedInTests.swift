// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// The command line as a person's, in front of a server with fixed answers.
@Suite("Signing the command line in, and changes that wait")
struct SignedInTests {
    private static let token = "exq1_p_0_d00000000000000a_secret"
    private static let begun = FakeServer.json(
        """
        {"device_code":"device","expires_in":600,"interval":1,"user_code":"ABCD-EFGH-JKMN",\
        "verification_uri":"http://localhost:8420/device"}
        """)
    private static let given = FakeServer.json(
        """
        {"access_token":"\(token)","expires_in":43200,"person":"bob","token_type":"Bearer"}
        """)

    private static func oauth(_ code: String) -> [[UInt8]] {
        FakeServer.json(
            #"{"code":"\#(code)","detail":"because","error":"\#(code)"}"#,
            status: "400 Bad Request")
    }

    private static func server() throws -> FakeServer {
        try FakeServer([
            "/v1/device/authorize": begun, "/v1/device/token": given,
            "/v1/sessions/d00000000000000a": FakeServer.json(
                #"{"id":"d00000000000000a","removed":true}"#),
            "/v1/whoami": FakeServer.json(
                #"{"credential":"d00000000000000a","id":"bob","kind":"person"}"#),
        ])
    }

    @Test("login keeps the token for this server alone; logout ends it there and here")
    func login() throws {
        let (server, other, home) = (try Self.server(), try Self.server(), try TemporaryFolder())
        func run(_ arguments: [String], at server: FakeServer) throws -> ProgramResult {
            try Program.run(
                arguments,
                environment: ["EXEQUATUR_URL": server.url, "XDG_CONFIG_HOME": home.path])
        }
        let result = try run(["login", "--no-browser"], at: server)
        #expect(result.status == 0, "\(result.err)")
        #expect(result.out == "signed in as bob\n")
        #expect(result.err.contains("http://localhost:8420/device"))
        #expect(result.err.contains("ABCD-EFGH-JKMN"))
        #expect(!(result.out + result.err).contains(Self.token))
        #expect(try home.text("exequatur/token") == Self.token + "\n")
        let file = home.path + "/exequatur/token"
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        func shows(_ server: FakeServer) -> Bool {
            server.requests.last?.contains("Bearer \(Self.token)") == true
        }
        #expect(try run(["whoami"], at: server).status == 0)
        #expect(shows(server))
        #expect(try run(["whoami"], at: other).status == 0)
        #expect(!shows(other))
        #expect(try run(["logout"], at: other).status == 1)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        #expect(try run(["whoami"], at: server).err.contains("chmod 600"))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        #expect(try run(["logout"], at: server).out == "signed out\n")
        #expect(server.requests.last?.hasPrefix("DELETE /v1/sessions/d00000000000000a ") == true)
        #expect(shows(server) && !FileManager.default.fileExists(atPath: file))
        #expect(try run(["logout"], at: server).status == 1)
    }

    @Test("login into a file; refused, too late and nonsense leave none", .timeLimit(.minutes(1)))
    func otherLogins() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/token"
        func login(_ answer: [[UInt8]]) throws -> ProgramResult {
            let server = try FakeServer([
                "/v1/device/authorize": Self.begun, "/v1/device/token": answer,
            ])
            return try Program.run(
                ["login", "--no-browser", "--token-file", file, "--json"],
                environment: ["EXEQUATUR_URL": server.url])
        }
        for code in ["access_denied", "expired_token"] {
            let result = try login(Self.oauth(code))
            #expect(result.status == 77 && result.err.contains(code), "\(result.err)")
        }
        #expect(try login(FakeServer.json(#"{"access_token":"a b"}"#)).status == 69)
        #expect(!FileManager.default.fileExists(atPath: file))
        let good = try login(Self.given)
        #expect(try JSON(parsing: good.out)["person"] == "bob", "\(good.err)")
        #expect(try folder.text("token") == Self.token + "\n")
    }

    // MARK: what waits

    private static func asked(_ state: String) -> [[UInt8]] {
        FakeServer.json(
            """
            {"id":"ops","pendingAction":{"id":"act_1","review":{"eligible":[{"id":"bob"},\
            {"id":"carol"}]},"state":"\(state)"}}
            """, status: "202 Accepted")
    }

    @Test("a change that waits says so, names who may approve it, and is no failure")
    func pending() throws {
        let server = try FakeServer(["/v1/": Self.asked("pending")])
        func run(_ arguments: [String]) throws -> ProgramResult {
            try Program.run(
                arguments, environment: ["EXEQUATUR_URL": server.url, "EXEQUATUR_TOKEN": "t"])
        }
        let folder = try TemporaryFolder()
        let source = try folder.write("source.json", "{}")
        let sub = ["--issuer", "https://i.example", "--subject", "s"]
        for arguments in [
            ["group", "add", "ops"], ["person", "remove", "bob"], ["person", "link", "bob"] + sub,
            ["person", "unlink", "bob"] + sub, ["agent", "add", "b", "--owner", "a"],
            ["gate", "add", "g"], ["group", "member", "add", "ops", "bob"],
            ["agent", "trust", "remove", "t00000000000000a"], ["drift", "source", "set", source],
            ["gate", "approve", "g", "--expect", String(repeating: "a", count: 64)],
        ] {
            let result = try run(arguments + ["--reason", "because"])
            #expect(result.status == 0 && result.out == "", "\(arguments): \(result.out)")
            #expect(
                result.err.contains(
                    "action act_1 waits for approval; who may approve: bob, carol"),
                "\(arguments): \(result.err)")
            #expect(
                server.requests.last?.lowercased().contains("exequatur-reason: because\r\n")
                    == true, "\(arguments)")
        }
        let json = try run(["group", "add", "ops", "--member", "bob", "--json"])
        #expect(try JSON(parsing: json.out)["pendingAction"]?["id"] == "act_1")
        #expect(json.err.contains("group member add ops bob"))
        #expect(try run(["group", "add", "ops", "--reason", "a\nb"]).status == 64)
    }

    @Test("a change that the policies deny is a failure")
    func denied() throws {
        let server = try FakeServer(["/v1/": Self.asked("denied")])
        let result = try Program.run(
            ["group", "add", "ops"],
            environment: ["EXEQUATUR_URL": server.url, "EXEQUATUR_TOKEN": "t"])
        #expect(result.status == 77 && result.err.contains("exequatur show act_1"))
    }
}
