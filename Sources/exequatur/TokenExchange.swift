// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Foundation

struct TokenCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Get tokens.", subcommands: [TokenExchange.self])
}

/// `exequatur token exchange`: a job's token in exchange for a short-lived token of an agent.
struct TokenExchange: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exchange",
        abstract: "Exchange the token of a job for a short-lived token of an agent.",
        discussion: """
            In a job of GitHub Actions with `permissions: id-token: write` use --from-github; \
            elsewhere give the token in a file. Without --out or --github-env the agent's token is \
            printed.
            """)

    @Option(help: "What the job's token is made for; needed with --from-github.")
    var audience: String?

    @Flag(help: "Ask the runner of GitHub Actions for the job's token.")
    var fromGithub = false

    @Option(help: "A file that holds the job's token.", completion: .file())
    var subjectTokenFile: String?

    @Option(help: "Write the token to this file, readable by its owner only.", completion: .file())
    var out: String?

    @Flag(help: "Give the token to later steps of the job as EXEQUATUR_TOKEN, masked in its log.")
    var githubEnv = false

    @OptionGroup var output: OutputOptions

    @Option(help: "The server, otherwise EXEQUATUR_URL, otherwise \(ServerAddress.defaultText).")
    var url: String?

    @Flag(help: "Allow tokens to travel unencrypted to another machine.")
    var insecure = false

    func validate() throws {
        guard fromGithub != (subjectTokenFile != nil) else {
            throw ValidationError("give either `--from-github` or `--subject-token-file`")
        }
        guard !fromGithub || audience != nil else {
            throw ValidationError("`--from-github` needs `--audience`: what the trust says")
        }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let address = try ServerAddress(url: url, environment: environment)
        try address.checkConfidential(orInsecure: insecure)
        // Known before the token is used up: it can be exchanged only once.
        let variables = githubEnv ? try Self.githubVariables(environment) : nil
        let subject = try await subjectToken(environment)
        // Without a token of ours: the job's is all the credential that this needs.
        let answer = try await APIClient.with(Connection(address: address, token: nil)) { api in
            try await api.postForm(
                APIPath("/v1/token"),
                [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                    ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
                    ("subject_token", subject),
                ])
        }
        guard let token = answer["access_token"]?.stringValue, ConnectionChoice.isPlausible(token)
        else {
            throw CLIError(
                "the answer of `\(address.base)` holds no token: is it an Exequatur server?",
                status: .unavailable)
        }
        if let variables {
            // First, so that no later line of any step can show it.
            try Output.lines(["::add-mask::\(token)"])
            try LocalFile.append("EXEQUATUR_TOKEN=\(token)\n", to: variables)
        }
        if let out { try LocalFile.writePrivate(Array("\(token)\n".utf8), to: out) }
        try report(answer, token)
    }

    private func report(_ answer: JSON, _ token: String) throws {
        let agent = answer["agent"]?.stringValue ?? "?"
        let seconds = answer["expires_in"]?.intValue ?? 0
        let isStored = out != nil || githubEnv
        if output.json {
            var record: JSONObject = ["agent": .string(agent), "expiresIn": .int(seconds)]
            if !isStored { record["token"] = .string(token) }
            try Output.json(.object(record))
        } else if !isStored {
            try Output.lines([token])
        }
        Output.note("a token of `\(agent)` for \(seconds) seconds")
    }

    private func subjectToken(_ environment: [String: String]) async throws -> String {
        if let subjectTokenFile {
            return try LocalFile.readText(subjectTokenFile, limit: 16_384)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
        guard let place = environment["ACTIONS_ID_TOKEN_REQUEST_URL"], !place.isEmpty,
            let secret = environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"], !secret.isEmpty
        else {
            throw CLIError(
                "the runner offers no token: give the job `permissions: id-token: write`",
                status: .usage)
        }
        return try await RunnerToken.fetch(place, secret: secret, audience: audience ?? "")
    }

    private static func githubVariables(_ environment: [String: String]) throws -> String {
        guard let path = environment["GITHUB_ENV"], path.hasPrefix("/") else {
            throw CLIError.usage("`--github-env`: GITHUB_ENV names no file: is this a job?")
        }
        return path
    }
}
