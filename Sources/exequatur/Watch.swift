// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

struct Watch: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Follow actions as they change.",
        discussion: """
            With `--json` each change is one JSON value on a line of its own. After a lost \
            connection the stream continues with the next change, none is left out.
            """)

    @Option(help: "Begin after this ledger index, otherwise with what comes next.")
    var after: UInt64?

    @Option(help: "End after so many changes.")
    var count: Int?

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        var last = after.map { "\($0)" }
        var left = count ?? .max
        var backoff = Backoff()
        var wasConnected = false
        while left > 0 {
            do {
                let goOn = try await api.events(after: last) { event in
                    wasConnected = true
                    backoff = Backoff()
                    if !event.id.isEmpty { last = event.id }
                    guard event.name == "action" else { return true }
                    try await show(event, api)
                    left -= 1
                    return left > 0
                }
                guard goOn else { return }
                wasConnected = true
            } catch let error as CLIError where error.status == .unavailable && wasConnected {
                Output.note(error.message)
            }
            try await Task.sleep(for: backoff.next())
        }
    }

    private func show(_ event: EventStreamParser.Event, _ api: APIClient) async throws {
        guard let change = try? JSON(parsing: event.data) else {
            throw CLIError("the event `\(event.id)` is not JSON: is it an Exequatur server?")
        }
        if output.json { return try Output.json(change) }
        guard let id = change["id"]?.stringValue else { return }
        // What may not be read any more, or is gone, is still worth its line.
        let action = try? await api.get(try APIPath("/v1/actions").appending(id))
        try Output.lines([ActionText.change(change, action)])
    }

    /// Pauses of 1, 2, 4 … 30 s between attempts.
    private struct Backoff {
        private var seconds = 1

        mutating func next() -> Duration {
            defer { seconds = min(30, seconds * 2) }
            return .seconds(seconds)
        }
    }
}
