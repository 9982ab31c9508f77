// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

struct Receipt: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "receipt",
        abstract: "Fetch the evidence of one action.",
        discussion: """
            A receipt verifies offline, years later, with `exequatur verify`. Its bytes are \
            canonical: keep them as they are.
            """)

    @Argument(help: "The action's id.")
    var id: String

    @Option(help: "Write to this file, otherwise to standard output.", completion: .file())
    var out: String?

    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let path = try APIPath("/v1/actions").appending(id).appending("receipt")
        let bytes = try await api.bytes(path)
        if let out { return try LocalFile.write(bytes, to: out) }
        guard Output.isTerminal else { return try Output.bytes(bytes) }
        Output.note("shown escaped: use `--out FILE` for the bytes that verify")
        try Output.json(try JSON(parsing: bytes, limits: APIClient.answerLimits))
    }
}
