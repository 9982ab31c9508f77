// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@Suite("Drift of many files")
struct DriftManyTests {
    @Test("what is proposed is shown whole, however many pages it takes, and is then approved")
    func manyLeaves() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let folder = URL(fileURLWithPath: server.folder.path).standardizedFileURL.path + "/many"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let count = 2_100
        for number in 0..<count {
            _ = FileManager.default.createFile(
                atPath: "\(folder)/\(10_000 + number)", contents: nil)
        }
        let gate = try server.json(["gate", "add", "watcher"], token: cast.admin)
        let source: JSON = [
            "class": "medium", "every": 3600, "id": "many", "kind": "files",
            "observer": "watcher", "scope": "here", "settings": ["paths": [.string(folder)]],
        ]
        let path = server.folder.path + "/source.json"
        try Data(source.description.utf8).write(to: URL(fileURLWithPath: path))
        _ = try server.json(["drift", "source", "set", path], token: cast.admin)
        let observed = try Program.run(
            ["drift", "observe", "many", "--once"],
            environment: [
                "EXEQUATUR_URL": server.url,
                "EXEQUATUR_GATE_TOKEN": gate["token"]?.stringValue ?? "",
                "EXEQUATUR_STATE_DIR": server.folder.path + "/watcher", "HOME": "/root",
            ])
        #expect(observed.status == 0, "\(observed.err)")

        let shown = try server.cli(["drift", "show", "many"], token: cast.admin)
        let lines = shown.out.split(separator: "\n")
        // The folder itself is one of them.
        #expect(lines.filter { $0.hasPrefix("file:\(folder)") }.count == count + 1)
        #expect(lines.contains("file:\(folder)/\(10_000 + count - 1)"))
        let json = try server.json(["drift", "show", "many"], token: cast.admin)
        #expect(json["baseline"]?["leaves"]?.arrayValue?.count == count + 1)
        let root = json["baseline"]?["proposed"]?["root"]?.stringValue ?? ""
        _ = try server.json(["drift", "accept", "many", "--expect", root], token: cast.admin)
        #expect(try server.cli(["drift", "status"], token: cast.admin).status == 0)
        let health = try server.json(["doctor"], token: cast.admin).arrayValue ?? []
        let finding = health.first { $0["check"] == "drift many" }
        #expect(finding?["level"] == "ok", "\(health)")
    }
}
