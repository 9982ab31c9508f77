// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import Foundation
internal import TransparencyLog

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check the server, your credential, its ledger, channels and drift sources.",
        discussion: "Ends with status 1 when a check fails; warnings do not count.")

    struct Finding {
        enum Level: String { case ok, warning, failed }
        var check: String
        var level: Level
        var detail: String
    }

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        let findings = try await connection.withClient { api in
            let identity = await check("credential") {
                let identity = try await api.get(APIPath("/v1/whoami"))
                return Finding(
                    check: "credential", level: .ok, detail: identity["id"]?.stringValue ?? "")
            }
            let status = await check("server") { try await server(api) }
            let log = await check("ledger") { try await ledger(api) }
            let set = await check("policies") { try await policies(api) }
            let debts = await check("debts") { try await self.debts(api) }
            let channels = await channels(api)
            let drift = await drift(api)
            return [status, identity, log, set, debts] + channels + drift + Self.standing
        }
        try report(findings)
    }

    /// What is true of every installation so far, and better known than discovered.
    private static let standing = [
        Finding(
            check: "witness", level: .warning,
            detail: "no witness cosigns this ledger: a rollback that no gate has seen the end of"
                + " cannot be detected")
    ]

    private func check(
        _ name: String, _ body: () async throws -> Finding
    ) async -> Finding {
        do {
            return try await body()
        } catch let error as CLIError {
            return Finding(check: name, level: .failed, detail: error.message)
        } catch {
            return Finding(check: name, level: .failed, detail: "\(error)")
        }
    }

    private func server(_ api: APIClient) async throws -> Finding {
        let status = try await api.get(APIPath("/v1/status"))
        let version = status["version"]?.stringValue ?? "unknown"
        guard status["unsealed"]?.boolValue != true else {
            return Finding(
                check: "server", level: .warning, detail: "version \(version), unsealed")
        }
        return Finding(check: "server", level: .ok, detail: "version \(version), sealed")
    }

    private func ledger(_ api: APIClient) async throws -> Finding {
        let vkey = try await text(api, APIPath("/log/vkey"))
        let key = try VerifierKey(vkey: vkey.trimmingCharacters(in: .whitespacesAndNewlines))
        let note = try await text(api, APIPath("/log/checkpoint"))
        let checkpoint = try Checkpoint.verified(note, key: key)
        return Finding(
            check: "ledger", level: .ok,
            detail: "\(checkpoint.origin), \(checkpoint.size) entries, signature verified")
    }

    /// The schema that a set was published with stays in force, also under newer software.
    private func policies(_ api: APIClient) async throws -> Finding {
        let answer = try await api.get(APIPath("/v1/policies"))
        let files = answer["files"]?.arrayValue ?? []
        let shipped = ProductSchema.file
        let inForce = files.first { $0["name"]?.stringValue == shipped.name }
        guard inForce?["text"]?.stringValue == shipped.text else {
            return Finding(
                check: "policies", level: .warning,
                detail: "published with another shipped schema than that of this version: publish "
                    + "them again, or actions with new parts are denied")
        }
        let digest = answer["digest"]?.stringValue ?? ""
        return Finding(
            check: "policies", level: .ok,
            detail: "set \(digest.prefix(16)), with the shipped schema of this version")
    }

    /// Whether somebody broke the glass and nobody has looked at it since.
    private func debts(_ api: APIClient) async throws -> Finding {
        let debts = try await api.get(APIPath("/v1/status"))["debts"]
        let open = debts?["open"]?.intValue ?? 0
        let overdue = debts?["overdue"]?.intValue ?? 0
        guard open > 0 else {
            return Finding(
                check: "debts", level: .ok, detail: "no broken glass waits for a look at it")
        }
        return Finding(
            check: "debts", level: overdue > 0 ? .failed : .warning,
            detail: "\(open) after a broken glass, \(overdue) of them overdue: somebody else has "
                + "to look at each, see `exequatur debts`")
    }

    /// One finding for each channel: what is set up, whether it answers, and what to do.
    private func channels(_ api: APIClient) async -> [Finding] {
        await list(api, "channels", APIPath("/v1/channels"), Self.finding)
    }

    /// One finding for each source: whether it is looked at, approved, and as approved.
    private func drift(_ api: APIClient) async -> [Finding] {
        await list(api, "drift", APIPath("/v1/drift/sources"), Self.source)
    }

    private func list(
        _ api: APIClient, _ what: String, _ path: APIPath, _ finding: (JSON) -> Finding
    ) async -> [Finding] {
        do {
            return try await api.list(path).map(finding)
        } catch let error as CLIError {
            return [Finding(check: what, level: .failed, detail: error.message)]
        } catch {
            return [Finding(check: what, level: .failed, detail: "\(error)")]
        }
    }

    private static func source(_ source: JSON) -> Finding {
        let id = source["id"]?.stringValue ?? ""
        let version = source["baseline"]?["version"]?.intValue
        let observed = source["observedAt"]?.stringValue
        var parts = [version.map { "baseline version \($0)" } ?? "no baseline"]
        parts.append(observed.map { "observed last at \($0)" } ?? "never observed")
        var level = Finding.Level.ok
        func say(_ worse: Finding.Level, _ text: String) {
            if level != .failed { level = worse }
            parts.insert(text, at: 0)
        }
        if version == nil, source["proposed"]?.isNull == false {
            say(.warning, "nobody has approved what was found: `exequatur drift show \(id)`")
        }
        let open = source["open"]?.intValue ?? 0
        if open > 0 {
            let worst = source["worst"]?.stringValue ?? ""
            say(.warning, "\(open) open, the worst \(worst): `exequatur drift list`")
        }
        if observed == nil { say(.warning, "not looked at: is its observer running?") }
        if let gap = source["gaps"]?.arrayValue?.first {
            let subject = gap["subject"]?.stringValue.map { "`\($0)`: " } ?? ""
            say(.failed, "not seen: \(subject)\(gap["detail"]?.stringValue ?? "")")
        }
        return Finding(
            check: "drift \(id)", level: level, detail: parts.joined(separator: ", "))
    }

    private static func finding(_ channel: JSON) -> Finding {
        let check = "channel \(channel["id"]?.stringValue ?? "")"
        var parts = [channel["kind"]?.stringValue ?? ""]
        if let connections = channel["connections"]?.intValue {
            parts.append("\(connections) open connections")
        }
        let delivered = channel["deliveredAt"]?.stringValue
        parts.append(delivered.map { "delivered last at \($0)" } ?? "nothing delivered yet")
        let waiting = channel["waiting"]?.intValue ?? 0
        if waiting > 0 { parts.append("\(waiting) waiting") }
        let undelivered = channel["undelivered"]?.intValue ?? 0
        if undelivered > 0 { parts.append("\(undelivered) given up, see /channels in the console") }
        guard let trouble = channel["trouble"]?.stringValue else {
            return Finding(
                check: check, level: undelivered > 0 ? .warning : .ok,
                detail: parts.joined(separator: ", "))
        }
        return Finding(
            check: check, level: .failed, detail: "\(trouble) (\(parts.joined(separator: ", ")))")
    }

    private func text(_ api: APIClient, _ path: APIPath) async throws -> String {
        guard let text = String(validating: try await api.bytes(path), as: UTF8.self) else {
            throw CLIError("the answer to `\(path.text)` is not UTF-8 text")
        }
        return text
    }

    private func report(_ findings: [Finding]) throws {
        let json = findings.map { finding -> JSON in
            [
                "check": .string(finding.check), "level": .string(finding.level.rawValue),
                "detail": .string(finding.detail),
            ]
        }
        let table = TextTable(
            header: ["CHECK", "RESULT", "DETAIL"],
            rows: findings.map { [$0.check, $0.level.rawValue, $0.detail] })
        try output.print(.array(json), or: table.lines)
        if findings.contains(where: { $0.level == .failed }) {
            throw ExitCode(ExitStatus.failure.rawValue)
        }
    }
}
