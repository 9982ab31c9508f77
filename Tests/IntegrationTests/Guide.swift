// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation

/// The commands and policies that a guide shows, read from the guide itself.
struct Guide {
    let name: String
    private let blocks: [[String]]

    init(_ name: String) throws {
        self.name = name
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent(name), encoding: .utf8)
        var blocks: [[String]] = []
        var block: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("    ") {
                block.append(String(line.dropFirst(4)))
            } else if !line.isEmpty || block.isEmpty {
                if !block.isEmpty { blocks.append(block) }
                block = []
            }
        }
        if !block.isEmpty { blocks.append(block) }
        self.blocks = blocks
    }

    /// Every line that calls our program, without the remark at its end, in order.
    var commands: [String] {
        blocks.joined().filter { $0.hasPrefix("exequatur ") }.map { line in
            line.range(of: "  +#", options: .regularExpression)
                .map { String(line[..<$0.lowerBound]) } ?? line
        }
    }

    /// The blocks as they stand, for guides whose commands write files.
    var scripts: [String] { blocks.map { $0.joined(separator: "\n") } }

    /// The blocks that are policies.
    var policies: String {
        blocks.filter { $0.contains { $0.hasPrefix("forbid (") || $0.hasPrefix("permit (") } }
            .map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }
}

/// A folder as a reader of the guides has it: our program in the path, the server's data beside.
struct Desk {
    let server: RunningServer
    let folder = try? TemporaryFolder()
    let path: String

    init(_ server: RunningServer) throws {
        self.server = server
        guard let path = folder?.path else { throw HarnessError("no folder") }
        self.path = path
        let files = FileManager.default
        try files.createDirectory(atPath: path + "/bin", withIntermediateDirectories: true)
        try files.createSymbolicLink(
            atPath: path + "/bin/exequatur", withDestinationPath: Program.path)
        try files.createSymbolicLink(
            atPath: path + "/exequatur-data", withDestinationPath: server.data)
        try files.copyItem(atPath: server.data + "/log.vkey", toPath: path + "/log.vkey")
    }

    /// Credentials of a gate, for lines that start one.
    var gateToken: String?

    private func environment(_ token: String?) -> [String: String] {
        var environment = [
            "EXEQUATUR_URL": server.url, "HOME": path, "PATH": path + "/bin:/usr/bin:/bin",
        ]
        environment["EXEQUATUR_TOKEN"] = token
        environment["EXEQUATUR_GATE_TOKEN"] = gateToken
        return environment
    }

    /// Runs one line of a guide in a shell, as its reader would.
    func run(_ line: String, token: String?) throws -> ProgramResult {
        try Program.run(
            ["-c", "cd '\(path)' && \(line)"], environment: environment(token),
            executable: "/bin/sh")
    }

    /// Starts one line that will wait for somebody.
    func start(_ line: String, token: String?) throws -> RunningProgram {
        try Program.start(
            ["-c", "cd '\(path)' && \(line)"], environment: environment(token),
            out: path + "/started.out", err: path + "/started.err", executable: "/bin/sh")
    }

    /// What the program printed once as a token.
    static func token(_ result: ProgramResult) -> String? {
        let text = result.out + result.err
        return text.split(whereSeparator: { $0.isWhitespace || $0 == "\"" })
            .first { $0.hasPrefix("exq1_") }.map(String.init)
    }
}
