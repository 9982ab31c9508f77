// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

/// The beginning of a digest that somebody gives back to show that he has seen what it names.
enum DigestPrefix {
    static func check(_ text: String) throws {
        let isHex = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x66).contains($0)
        }
        guard isHex, (16...64).contains(text.utf8.count) else {
            throw ValidationError("`--expect` takes 16 to 64 lower-case hex digits of the digest")
        }
    }
}

struct Approve: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Approve a pending action.")

    @Argument(help: "The action's id.")
    var id: String

    @Option(help: "At least 16 hex digits of the digest that `show` printed.")
    var expect: String

    @Option(help: "Why; recorded with the decision.")
    var reason: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        try DigestPrefix.check(expect)
    }

    func perform(_ api: APIClient) async throws {
        var body: JSON = [
            "channel": "cli", "decision": "approve", "expect": .string(expect),
        ]
        if let reason { body.set("reason", .string(reason)) }
        try output.changed(try await api.change(id, "decisions", body))
    }
}

struct Deny: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "deny", abstract: "Deny a pending action.")

    @Argument(help: "The action's id.")
    var id: String

    @Option(help: "Why; the agent is told.")
    var reason: String

    @Option(help: "Hex digits of the digest that `show` printed, otherwise the present one.")
    var expect: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let digest = try await self.digest(api)
        let body: JSON = [
            "channel": "cli", "decision": "deny", "expect": .string(digest),
            "reason": .string(reason),
        ]
        try output.changed(try await api.change(id, "decisions", body))
    }

    /// A denial is safe without having compared digests; an action's digest never changes.
    private func digest(_ api: APIClient) async throws -> String {
        if let expect { return expect }
        let action = try await api.get(try APIPath("/v1/actions").appending(id))
        guard let digest = action["digest"]?.stringValue else {
            throw CLIError("the server's answer for `\(id)` has no digest")
        }
        return digest
    }
}

struct Cancel: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel a pending action of your own.")

    @Argument(help: "The action's id.")
    var id: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        try output.changed(try await api.change(id, "cancel", [:]))
    }
}

struct Revoke: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Revoke a clearance that has not been claimed yet.")

    @Argument(help: "The action's id.")
    var id: String

    @Option(help: "Why; recorded in the ledger.")
    var reason: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        try output.changed(try await api.change(id, "revoke", ["reason": .string(reason)]))
    }
}

struct Settle: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "settle",
        abstract: "Settle an action whose outcome is unknown, or a break-glass.")

    enum Outcome: String, ExpressibleByArgument, CaseIterable {
        case succeeded, failed
        case notStarted = "not_started"
    }

    @Argument(help: "The action's id.")
    var id: String

    enum Debt: String, ExpressibleByArgument, CaseIterable {
        case accepted, rejected
    }

    @Option(help: "What happened.")
    var status: Outcome?

    @Option(help: "What you think of a break-glass: accepted or rejected.")
    var debt: Debt?

    @Option(help: "How you know; recorded in the ledger.")
    var reason: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        var body: JSON = ["reason": .string(reason)]
        if let status { body.set("status", .string(status.rawValue)) }
        if let debt { body.set("debt", .string(debt.rawValue)) }
        try output.changed(try await api.change(id, "settle", body))
    }

    func validate() throws {
        guard (status == nil) != (debt == nil) else {
            throw ValidationError("give either `--status` or `--debt`")
        }
    }
}

extension APIClient {
    /// One transition of one action; every one of them answers with the action.
    fileprivate func change(_ id: String, _ verb: String, _ body: JSON) async throws -> JSON {
        try await post(try APIPath("/v1/actions").appending(id).appending(verb), body)
    }
}

extension OutputOptions {
    fileprivate func changed(_ action: JSON) throws {
        try print(action, or: [ActionText.line(action)])
    }
}

extension JSON {
    /// Sets one member of an object.
    mutating func set(_ key: String, _ value: JSON) {
        guard case .object(var object) = self else { return }
        object[key] = value
        self = .object(object)
    }
}
