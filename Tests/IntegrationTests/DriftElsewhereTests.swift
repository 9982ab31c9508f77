// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// A source of any kind, and a gate that observes it.
private final class ObservedSource {
    let server: RunningServer
    let cast: Cast
    let gate: String
    let id: String

    init(_ id: String, kind: String, scope: String, settings: JSON) throws {
        self.id = id
        server = try RunningServer()
        cast = try Cast(server)
        gate =
            try server.json(["gate", "add", "observer"], token: cast.admin)["token"]?
            .stringValue ?? ""
        let source: JSON = [
            "class": "critical", "every": 3600, "id": .string(id), "kind": .string(kind),
            "observer": "observer", "scope": .string(scope), "settings": settings,
        ]
        let path = server.folder.path + "/source.json"
        try Data(source.description.utf8).write(to: URL(fileURLWithPath: path))
        _ = try server.json(["drift", "source", "set", path], token: cast.admin)
    }

    var environment: [String: String] {
        [
            "EXEQUATUR_URL": server.url, "EXEQUATUR_GATE_TOKEN": gate,
            "EXEQUATUR_STATE_DIR": server.folder.path + "/gate-state",
            "HOME": server.folder.path,
        ]
    }

    @discardableResult
    func observe() throws -> JSON {
        let result = try Program.run(
            ["drift", "observe", id, "--once", "--json"], environment: environment)
        guard result.status == 0 else { throw HarnessError(result.err) }
        return try JSON(parsing: result.out.trimmingCharacters(in: .newlines))[0] ?? .null
    }

    func approveBaseline() throws {
        let shown = try server.json(["drift", "show", id], token: cast.admin)
        let root = shown["baseline"]?["proposed"]?["root"]?.stringValue ?? ""
        _ = try server.json(["drift", "accept", id, "--expect", root], token: cast.admin)
    }

    func deviations() throws -> [JSON] {
        try server.json(["drift", "list", "--source", id], token: cast.admin).arrayValue ?? []
    }

    /// Runs a command of the agent at the gate, with its one review approved.
    func approved(_ arguments: [String]) throws -> RunningProgram {
        var environment = self.environment
        environment["EXEQUATUR_TOKEN"] = cast.agent
        let program = try Program.start(
            arguments, environment: environment, out: server.folder.path + "/agent.out",
            err: server.folder.path + "/agent.err")
        let deadline = Clock.now() + 90
        while Clock.now() < deadline {
            let pending = try server.json(["list", "--state", "pending"], token: cast.admin)
            if let id = pending[0]?["id"]?.stringValue,
                let digest = pending[0]?["digest"]?.stringValue
            {
                _ = try server.json(
                    ["approve", id, "--expect", String(digest.prefix(16))], token: cast.bob)
                break
            }
            usleep(50_000)
        }
        try program.wait(seconds: 90)
        return program
    }
}

@Suite("The loop of drift, on a database and on tools", .timeLimit(.minutes(10)))
struct DriftElsewhereTests {
    @Test(
        "a role that an approved action changed is explained; a superuser behind our back is not",
        .enabled(if: DatabaseCluster.binaries != nil, "skipped: install `postgresql`"))
    func roles() throws {
        let cluster = try DatabaseCluster.start()
        defer { cluster.stop() }
        try cluster.sql("CREATE ROLE app LOGIN")
        let source = try ObservedSource(
            "db", kind: "postgresql", scope: "db1",
            settings: [
                "database": "postgres", "host": .string(cluster.folder), "user": "postgres",
            ])
        try source.observe()
        try source.approveBaseline()

        // What is declared with its value is explained.
        let effects: JSON = [
            ["path": "/createDatabase", "post": true, "scope": "db1", "subject": "role:app"]
        ]
        let file = source.server.folder.path + "/effects.json"
        try Data(effects.description.utf8).write(to: URL(fileURLWithPath: file))
        let script = source.server.folder.path + "/change.py"
        try Data(
            """
            import subprocess
            subprocess.run(["psql", "-h", "\(cluster.folder)", "-U", "postgres", "-d", "postgres",
                            "-c", "ALTER ROLE app CREATEDB"], check=True)
            """.utf8
        ).write(to: URL(fileURLWithPath: script))
        let run = try source.approved([
            "run", "--effects", file, "--no-stdin", "--", "/usr/bin/python3", script,
        ])
        let said = try source.server.folder.text("agent.err")
        #expect(run.status == 0, "\(said)")
        let explained = try source.observe()
        #expect(explained["explained"]?.intValue == 1, "\(explained)")
        #expect(try source.deviations().isEmpty)

        // Behind our back.
        try cluster.sql("ALTER ROLE app SUPERUSER")
        try source.observe()
        let open = try source.deviations()
        #expect(open.count == 1, "\(open)")
        #expect(open[0]["attribution"]?["verdict"]?.stringValue == "unauthorised")
        #expect(open[0]["direction"]?.stringValue == "broadening")
        #expect(open[0]["severity"]?.stringValue == "critical")

        // Put right, approved, and verified.
        let id = try #require(open[0]["id"]?.stringValue)
        let fix = try source.approved(["drift", "fix", id, "--source", "db"])
        let told = try source.server.folder.text("agent.err")
        #expect(fix.status == 0, "\(told)")
        #expect(try source.deviations().isEmpty)
        #expect(
            try cluster.sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'app'") == "f")
    }

    @Test("a tool whose schema was swapped after it was approved is unauthorised")
    func tools() throws {
        let folder = try TemporaryFolder()
        let manifest = folder.path + "/tools.json"
        func offer(_ properties: JSON) throws {
            let tools: JSON = [
                [
                    "description": "Exports customers.",
                    "inputSchema": ["properties": properties, "type": "object"],
                    "name": "export",
                ]
            ]
            try Data(tools.description.utf8).write(to: URL(fileURLWithPath: manifest))
        }
        try offer(["plan": ["type": "string"]])
        let script = folder.path + "/server.py"
        try Data(Self.toolServer.utf8).write(to: URL(fileURLWithPath: script))
        let python = URL(fileURLWithPath: "/usr/bin/python3").resolvingSymlinksInPath().path
        func digest(_ path: String) throws -> JSON {
            let result = try Program.run([path], executable: "/usr/bin/sha256sum")
            return .string(String(result.out.prefix(64)))
        }
        let source = try ObservedSource(
            "tools", kind: "mcp", scope: "customers",
            settings: [
                "argv": [.string(python), .string(script), .string(manifest)],
                "protocol": "2025-11-25",
                "sha256": .object([
                    python: try digest(python), script: try digest(script),
                ]),
            ])
        try source.observe()
        try source.approveBaseline()
        #expect(try source.observe()["status"]?.stringValue == "ok")
        #expect(try source.deviations().isEmpty)

        // The description stays the same: whoever hashes only that sees nothing.
        try offer(["plan": ["type": "string"], "to": ["type": "string"]])
        try source.observe()
        let open = try source.deviations()
        #expect(open.count == 1, "\(open)")
        #expect(open[0]["subject"]?.stringValue == "tool:export")
        #expect(open[0]["path"]?.stringValue == "/inputSchema/properties/to")
        #expect(open[0]["attribution"]?["verdict"]?.stringValue == "unauthorised")

        // A program that was changed by one byte is not run at all.
        try Data((Self.toolServer + "#").utf8).write(to: URL(fileURLWithPath: script))
        let failed = try source.observe()
        #expect(failed["status"]?.stringValue == "failed")
        #expect(failed["gaps"]?[0]?["cause"]?.stringValue == "collector_changed")
    }

    /// The smallest server of the protocol that has tools: what it offers is in a file.
    private static let toolServer = """
        import json, sys
        for line in sys.stdin:
            message = json.loads(line)
            if "id" not in message:
                continue
            if message["method"] == "initialize":
                result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                          "serverInfo": {"name": "customers", "version": "1"}}
            elif message["method"] == "tools/list":
                result = {"tools": json.load(open(sys.argv[1]))}
            else:
                result = None
            answer = {"jsonrpc": "2.0", "id": message["id"]}
            if result is None:
                answer["error"] = {"code": -32601, "message": "no such method"}
            else:
                answer["result"] = result
            print(json.dumps(answer), flush=True)

        """
}

/// A PostgreSQL cluster of a test's own, reached by a local socket.
private struct DatabaseCluster {
    let folder: String
    private let binaries: String

    /// Debian's newest; nil where there is none.
    static let binaries: String? = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.compactMap { Int($0) }.max().map { "\(root)/\($0)/bin" }
    }()

    static func start() throws -> DatabaseCluster {
        var template = Array("/tmp/exequatur-db-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw HarnessError("no folder") }
        let cluster = DatabaseCluster(
            folder: String(cString: made), binaries: try #require(Self.binaries))
        let user = geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups --" : ""
        let script = """
            set -e
            cd /tmp
            [ "$(id -u)" != 0 ] || chown 65534:65534 \(cluster.folder)
            export LC_ALL=C.UTF-8
            \(user) \(cluster.binaries)/initdb -D \(cluster.folder)/data -U postgres -A trust \
              --no-sync > \(cluster.folder).log 2>&1
            \(user) \(cluster.binaries)/pg_ctl -D \(cluster.folder)/data -w -t 60 \
              -l \(cluster.folder)/server.log \
              -o "-c listen_addresses= -c unix_socket_directories=\(cluster.folder) -c fsync=off" \
              start > \(cluster.folder).log 2>&1
            """
        let result = try Program.run(["-c", script], executable: "/bin/sh")
        guard result.status == 0 else { throw HarnessError("no cluster: \(result.err)") }
        return cluster
    }

    func stop() {
        let user = geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups --" : ""
        _ = try? Program.run(
            [
                "-c",
                "\(user) \(binaries)/pg_ctl -D \(folder)/data -m immediate stop; "
                    + "rm -rf \(folder) \(folder).log",
            ], executable: "/bin/sh")
    }

    /// What a statement answers, without spaces around it.
    @discardableResult
    func sql(_ statement: String) throws -> String {
        let result = try Program.run(
            ["-h", folder, "-U", "postgres", "-d", "postgres", "-Atc", statement],
            executable: "/usr/bin/psql")
        guard result.status == 0 else { throw HarnessError(result.err) }
        return result.out.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
