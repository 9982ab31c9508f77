// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

/// A change of the server's own rules that was asked for and is not made yet.
///
/// Thrown, so that no command goes on as if it were made.
struct PendingChange: Error {
    let answer: JSON

    /// Nil for an answer of another kind.
    init?(status: Int, answer: JSON) {
        guard status == 202, answer["pendingAction"]?.objectValue != nil else { return nil }
        self.answer = answer
    }

    /// Says what waits and for whom; a change that the policies deny is a failure.
    func report(json: Bool) throws {
        let action = answer["pendingAction"] ?? .null
        let id = action["id"]?.stringValue ?? "?"
        let state = action["state"]?.stringValue ?? "?"
        guard state != "denied" else {
            throw CLIError(
                "the policies deny this change: see `exequatur show \(id)`", status: .refused)
        }
        if json {
            try Output.json(answer)
        } else if let token = answer["token"]?.stringValue {
            // Shown this once, and worth nothing until the change is made.
            let shown: JSON = ["id": answer["id"] ?? .null, "token": .string(token)]
            try Output.lines(RecordText.block(shown, first: ["id"]))
            Output.note("the token is shown this once, and works once the change is approved")
        }
        guard state == "pending" else {
            Output.note("the change is action \(id), which is \(state)")
            return
        }
        let who = (action["review"]?["eligible"]?.arrayValue ?? [])
            .compactMap { $0["id"]?.stringValue }
        Output.note(
            "nothing is changed yet: action \(id) waits for approval; who may approve: "
                + (who.isEmpty ? "nobody yet" : who.joined(separator: ", "))
                + "; see `exequatur show \(id)`")
    }
}

/// `--reason`, shared by everything that changes the server's own rules.
struct ChangeOptions: ParsableArguments {
    @Option(help: "Why; whoever is to approve the change reads it.")
    var reason: String?
}

/// A command that changes the server's own rules, or asks for that.
protocol ChangingCommand: ClientCommand {
    var output: OutputOptions { get }
    var change: ChangeOptions { get }
}

extension ChangingCommand {
    func run() async throws {
        do {
            try await connection.withClient(reason: change.reason) { api in
                try await perform(api)
            }
        } catch let pending as PendingChange {
            try pending.report(json: output.json)
        }
    }
}
