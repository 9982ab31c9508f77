// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

struct Status: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the state of the server and its ledger.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let status = try await api.get(APIPath("/v1/status"))
        try output.print(
            status, or: RecordText.block(status, first: ["version", "origin", "treeSize"]))
    }
}

struct WhoAmI: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Show whom the server takes the token for.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let identity = try await api.get(APIPath("/v1/whoami"))
        try output.print(identity, or: RecordText.block(identity, first: ["kind", "id", "name"]))
    }
}

extension APIClient {
    /// Says on standard error that the set-up phase lasts, after a command that changes enforcement.
    ///
    /// The change itself has succeeded; not being able to tell is no failure of it.
    func noteUnsealed() async {
        guard let status = try? await get(APIPath("/v1/status")) else { return }
        if status["unsealed"]?.boolValue == true {
            Output.note(
                "this installation is unsealed: its administrator may change enforcement alone;"
                    + " each change is a ledger entry and every receipt says so")
        }
        if status["singleOperator"]?.boolValue == true {
            Output.note("single-operator mode: approvals of one's own actions are stamped so")
        }
    }
}
