// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

struct ListActions: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List actions, newest first.")

    @Option(help: "Only actions in this state, for example `pending`.")
    var state: ActionState?

    @Option(help: "Only actions that contain this text.")
    var search: String?

    @Option(help: "Only actions older than this one.")
    var before: String?

    @Option(help: "At most so many actions.")
    var limit = 50

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard (1...200).contains(limit) else {
            throw ValidationError("`--limit` must be between 1 and 200")
        }
    }

    func perform(_ api: APIClient) async throws {
        let path = APIPath("/v1/actions").query("state", state?.rawValue).query("q", search)
            .query("before", before).query("limit", "\(limit)")
        let actions = try await api.list(path)
        try output.print(.array(actions), or: ActionText.table(actions))
    }
}

/// The states of an action, so that a misspelt one is an error instead of an empty list.
enum ActionState: String, ExpressibleByArgument, CaseIterable {
    case submitted, denied, cleared, pending, expired, cancelled, invalidated, claimed, revoked
    case lapsed, succeeded, failed
    case notStarted = "not_started"
    case unknown
}

struct ShowAction: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one action as its reviewers see it.")

    @Argument(help: "The action's id.")
    var id: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let action = try await api.get(try APIPath("/v1/actions").appending(id))
        try output.print(action, or: ActionText.page(action))
    }
}
