// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation

/// The stand-in for GitHub's issuer and runner that the example brings; it signs with openssl.
final class LocalIssuer {
    let folder: TemporaryFolder
    let url: String
    let port: Int
    /// What a runner gives to a job.
    let environment: [String: String]
    private let program: RunningProgram

    static let audience = "https://exequatur.example.com"
    static let example = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("examples/github-actions").path

    init() throws {
        let folder = try TemporaryFolder()
        self.folder = folder
        program = try Program.start(
            [Self.example + "/local-issuer.py", folder.path + "/issuer"], environment: [:],
            out: folder.path + "/out", err: folder.path + "/err", executable: Program.python)
        let deadline = Clock.now() + 60
        while try !folder.text("out").hasSuffix("\n") {
            guard program.isRunning, Clock.now() < deadline else {
                throw HarnessError("the issuer does not start: \(try folder.text("err"))")
            }
            usleep(20_000)
        }
        url = try folder.text("out").trimmingCharacters(in: .newlines)
        guard let port = url.split(separator: ":").last.flatMap({ Int($0) }) else {
            throw HarnessError("the issuer has no port: \(url)")
        }
        self.port = port
        let lines = try folder.text("issuer/runner.env").split(separator: "\n")
        environment = Dictionary(
            uniqueKeysWithValues: lines.map { line in
                let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
                return (parts[0], parts[1])
            })
    }

    deinit { stop() }

    func stop() {
        program.kill(SIGKILL)
        try? program.wait(seconds: 10)
    }

    /// A token of these changes to what the issuer says by itself.
    func mint(_ order: JSON = [:]) throws -> String {
        var order = order.objectValue ?? [:]
        var claims = order["claims"]?.objectValue ?? [:]
        if claims["aud"] == nil { claims["aud"] = .string(Self.audience) }
        order["claims"] = .object(claims)
        let answer = try HTTPConnection(port: port).request("POST", "/mint", json: .object(order))
        guard let token = answer.json?["value"]?.stringValue else {
            throw HarnessError("the issuer made no token: \(answer.text)")
        }
        return token
    }
}

extension RunningServer {
    /// Offers a token as a program for OAuth does.
    func exchange(_ token: String) throws -> HTTPAnswer {
        let form =
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
            + "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt"
            + "&subject_token=\(token)"
        return try connection().request(
            "POST", "/v1/token", body: Array(form.utf8),
            headers: [("Content-Type", "application/x-www-form-urlencoded")])
    }

    /// Trusts the deployment workflow of the issuer's repository, in production.
    func trust(_ issuer: LocalIssuer, admin: String) throws -> JSON {
        try json(
            [
                "agent", "trust", "deploy-bot", "--issuer", issuer.url, "--audience",
                LocalIssuer.audience, "--claim", "repository_id=74", "--claim",
                "environment=production", "--claim",
                "job_workflow_ref=octo-org/app/.github/workflows/deploy.yml@refs/heads/main",
            ], token: admin)
    }
}
