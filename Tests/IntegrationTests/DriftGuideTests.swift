// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

/// One reader of the guide, in a folder that stands for `/etc/app`.
private final class DriftReader {
    static let source = "app-config"
    let server: RunningServer
    let cast: Cast
    var desk: Desk
    let app: String
    private let guide: Guide
    private var observer: RunningProgram?

    init(_ guide: Guide) throws {
        self.guide = guide
        server = try RunningServer()
        cast = try Cast(server)
        desk = try Desk(server)
        app = URL(fileURLWithPath: desk.path).standardizedFileURL.path + "/app"
        try FileManager.default.createDirectory(
            atPath: app, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755])
        try edit(port: 8080)
        try write("app-config.json", containing: #""id": "app-config""#)
        try write("effects.json", containing: #""derived""#)
    }

    deinit { observer?.kill(SIGKILL) }

    /// With this folder and this host in the place of the guide's.
    func here(_ text: String) -> String {
        text.replacing("/etc/app", with: app)
            .replacing("web1", with: ProcessInfo.processInfo.hostName)
    }

    private func write(_ name: String, containing mark: String) throws {
        let block = try #require(guide.scripts.first { $0.contains(mark) })
        _ = try desk.folder?.write(name, here(block))
    }

    func edit(port: Int) throws {
        try Data("{\"port\": \(port), \"name\": \"shop\"}\n".utf8).write(
            to: URL(fileURLWithPath: app + "/app.json"))
    }

    var port: Int64? {
        get throws {
            try JSON(parsing: String(contentsOfFile: app + "/app.json", encoding: .utf8))["port"]?
                .intValue
        }
    }

    func shown() throws -> JSON {
        try server.json(["drift", "show", Self.source], token: cast.admin)
    }

    func deviations() throws -> [JSON] {
        try server.json(["drift", "list"], token: cast.admin).arrayValue ?? []
    }

    /// Waits for the observer, which nobody tells to look.
    func until(_ what: String, _ condition: () throws -> Bool) throws {
        let deadline = Clock.now() + 90
        while Clock.now() < deadline {
            if try condition() { return }
            usleep(50_000)
        }
        throw HarnessError("not within 90 s: \(what)")
    }

    func untilBaseline(_ version: Int64) throws {
        try until("baseline \(version)") {
            try shown()["baseline"]?["baseline"]?["version"]?.intValue == version
        }
        #expect(try deviations().isEmpty)
    }

    func observe(_ line: String) throws {
        observer = try desk.start(line.replacing("exequatur ", with: "exec exequatur "), token: nil)
        try until("a proposal") { try shown()["baseline"]?["proposed"]?["root"] != nil }
    }

    /// Does as the administrator, and expects that exit status.
    func administer(_ line: String, status: Int32 = 0) throws -> ProgramResult {
        let result = try desk.run(line, token: cast.admin)
        #expect(result.status == status, "\(line): \(result.err)\(result.out)")
        return result
    }

    /// Does as the agent what a reviewer approves meanwhile.
    func ask(_ line: String) throws {
        let running = try desk.start(line, token: cast.agent)
        try until("a question") {
            let pending = try server.json(["list", "--state", "pending"], token: cast.bob)
            guard let id = pending[0]?["id"]?.stringValue,
                let digest = pending[0]?["digest"]?.stringValue
            else { return false }
            _ = try server.json(
                ["approve", id, "--expect", String(digest.prefix(16))], token: cast.bob)
            return true
        }
        try running.wait(seconds: 90)
        let said = try desk.folder?.text("started.err") ?? ""
        #expect(running.status == 0, "\(line): \(said)")
    }
}

@Suite("Guide of drift", .timeLimit(.minutes(10)))
struct DriftGuideTests {
    /// The commands in their order; one that goes on in the next line is one.
    private static func commands(_ guide: Guide) -> [String] {
        guide.scripts.flatMap { $0.replacing("\\\n", with: "").split(separator: "\n") }
            .map(String.init).filter { $0.hasPrefix("exequatur ") }
    }

    @Test("watch for drift: every command of the guide, with the observer running beside")
    func watchForDrift() throws {
        let guide = try Guide("docs/how-to/watch-for-drift.md")
        let commands = Self.commands(guide)
        #expect(commands.count == 16)
        let reader = try DriftReader(guide)
        for command in commands {
            try follow(reader.here(command), reader)
        }
        #expect(try reader.deviations().isEmpty)
        #expect(try reader.port == 9191)
    }

    private func follow(_ line: String, _ reader: DriftReader) throws {
        switch line.split(separator: " ").dropFirst().prefix(2).joined(separator: " ") {
        case "gate add": reader.desk.gateToken = Desk.token(try reader.administer(line))
        case "drift observe": try reader.observe(line)
        case "run --effects":
            // Declared effects count at an advisory gate, too.
            let token = reader.desk.gateToken
            reader.desk.gateToken = nil
            try reader.ask(line)
            reader.desk.gateToken = token
            try reader.untilBaseline(2)
            #expect(try reader.port == 9090)
        case "run --affects":
            try reader.ask(line)
            try reader.untilBaseline(3)
            // What comes next in the guide is an edit by hand.
            try reader.edit(port: 1)
            try reader.until("the edit is seen") { try !reader.deviations().isEmpty }
        case "drift status": _ = try reader.administer(line, status: 2)
        case "drift list":
            #expect(try reader.administer(line).out.contains("unauthorised"))
        case "drift explain":
            let said = try reader.administer(try named(line, reader)).out
            #expect(said.contains("No approved action covers it."), "\(said)")
        case "drift fix":
            try reader.ask(try named(line, reader))
            #expect(try reader.deviations().isEmpty)
            #expect(try reader.port == 9191)
        case "drift accept" where line.contains("ID…"):
            chmod(reader.app + "/app.json", 0o640)
            try reader.until("the mode is seen") { try !reader.deviations().isEmpty }
            _ = try reader.administer(try named(line, reader))
            #expect(try reader.deviations().isEmpty)
        case "drift ignore":
            // The guide's own date passes one day.
            let soon = Date(timeIntervalSinceNow: 30 * 86_400).ISO8601Format()
                .replacing("Z", with: ".000Z")
            _ = try reader.administer(line.replacing("2027-01-31T00:00:00.000Z", with: soon))
        default: _ = try reader.administer(try named(line, reader))
        }
    }

    /// With what the guide leaves to its reader: ids, and the root that was looked at.
    private func named(_ line: String, _ reader: DriftReader) throws -> String {
        var result = line
        let ids = try reader.deviations().compactMap { $0["id"]?.stringValue }
        result = result.replacing("ID…", with: ids.joined(separator: " "))
        if let first = ids.first { result = result.replacing(" ID", with: " \(first)") }
        guard result.contains("ROOT") else { return result }
        let shown = try reader.desk.run("exequatur drift show app-config", token: reader.cast.admin)
        let root = shown.out.split(separator: "\n").first { $0.hasPrefix("root ") }?
            .split(separator: " ").last
        return result.replacing("ROOT", with: String(try #require(root)))
    }
}
