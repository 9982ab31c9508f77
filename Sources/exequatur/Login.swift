// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Foundation

/// `exequatur login`: signs this command line in by a code that is confirmed in the console
/// (RFC 8628).
struct Login: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Sign in: confirm a code in the console.",
        discussion: """
            The token is kept in $XDG_CONFIG_HOME/exequatur/token, otherwise in \
            ~/.config/exequatur/token, and goes to this server only. It works for twelve hours.
            """)

    @Flag(help: "Only print the address, and open no browser.")
    var noBrowser = false

    @Option(help: "Write the token to this file instead.", completion: .file())
    var tokenFile: String?

    @OptionGroup var output: OutputOptions

    @Option(help: "The server, otherwise EXEQUATUR_URL, otherwise \(ServerAddress.defaultText).")
    var url: String?

    @Flag(help: "Allow the token to travel unencrypted from another machine.")
    var insecure = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let address = try ServerAddress(url: url, environment: environment)
        try address.checkConfidential(orInsecure: insecure)
        let stored = StoredToken(environment: environment)
        guard tokenFile != nil || stored != nil else {
            throw CLIError.usage("neither XDG_CONFIG_HOME nor HOME is set: give `--token-file`")
        }
        let answer = try await APIClient.with(Connection(address: address, token: nil)) { api in
            try await signIn(api, environment)
        }
        guard let token = answer["access_token"]?.stringValue, ConnectionChoice.isPlausible(token)
        else {
            throw CLIError(
                "the answer of `\(address.base)` holds no token: is it an Exequatur server?",
                status: .unavailable)
        }
        if let tokenFile {
            try LocalFile.writePrivate(Array("\(token)\n".utf8), to: tokenFile)
        } else {
            try stored?.keep(token, for: address)
        }
        let record: JSON = [
            "expiresIn": answer["expires_in"] ?? .null, "person": answer["person"] ?? .null,
            "tokenFile": .string(tokenFile ?? stored?.path ?? ""),
        ]
        let person = answer["person"]?.stringValue ?? "?"
        try output.print(record, or: [TerminalText.escaped("signed in as \(person)")])
        if environment["EXEQUATUR_TOKEN"]?.isEmpty == false {
            Output.note("EXEQUATUR_TOKEN is set and comes before this: unset it")
        }
    }

    private func signIn(
        _ api: APIClient, _ environment: [String: String]
    ) async throws -> JSON {
        let begun = try await api.postForm(
            APIPath("/v1/device/authorize"), [("client_id", "exequatur on \(Run.hostName)")])
        guard let code = begun["device_code"]?.stringValue,
            let shown = begun["user_code"]?.stringValue,
            let page = begun["verification_uri"]?.stringValue
        else { throw CLIError("the server begins no sign-in", status: .unavailable) }
        // On standard error, so that `--json` prints one value.
        Output.standardError(TerminalText.escaped("Open \(page)"))
        Output.standardError(TerminalText.escaped("and confirm the code \(shown)"))
        if !noBrowser { Self.open(page, environment) }
        return try await wait(
            api, code, seconds: begun["expires_in"]?.intValue ?? 600,
            interval: max(1, min(begun["interval"]?.intValue ?? 5, 60)))
    }

    /// Polls as RFC 8628 §3.5 says.
    private func wait(
        _ api: APIClient, _ code: String, seconds: Int64, interval: Int64
    ) async throws -> JSON {
        var interval = interval
        var waited: Int64 = 0
        while waited < min(seconds, 3600) {
            try await Task.sleep(for: .seconds(interval))
            waited += interval
            do {
                return try await api.postForm(
                    APIPath("/v1/device/token"),
                    [
                        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                        ("device_code", code),
                    ])
            } catch let error as CLIError {
                switch error.code {
                case "authorization_pending": continue
                case "slow_down", "rate_limited": interval += 5
                case "access_denied", "expired_token":
                    throw CLIError(error.message, code: error.code, status: .refused)
                default:
                    // A server that restarts is asked again.
                    guard error.status == .unavailable else { throw error }
                }
            }
        }
        throw CLIError("nobody confirmed the code in time: begin again", status: .refused)
    }

    /// Asks the desktop to show a page; not being able to is no failure.
    private static func open(_ page: String, _ environment: [String: String]) {
        guard environment["DISPLAY"] != nil || environment["WAYLAND_DISPLAY"] != nil,
            page.hasPrefix("https://") || page.hasPrefix("http://")
        else { return }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/xdg-open")
        process.arguments = [page]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try? process.run()
    }
}

/// `exequatur logout`: ends what `login` began, here and at the server.
struct Logout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout", abstract: "End the token that `login` got, and forget it.")

    @Option(help: "The file that `login` wrote, if it was told one.", completion: .file())
    var tokenFile: String?

    @Option(help: "The server, otherwise EXEQUATUR_URL, otherwise \(ServerAddress.defaultText).")
    var url: String?

    @Flag(help: "Allow the token to travel unencrypted to another machine.")
    var insecure = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let address = try ServerAddress(url: url, environment: environment)
        try address.checkConfidential(orInsecure: insecure)
        let stored = StoredToken(environment: environment)
        let token =
            try tokenFile.map { try ConnectionChoice(tokenFile: $0).token(environment: [:]) }
            ?? stored?.token(for: address)
        guard let token else {
            throw CLIError("nobody is signed in to `\(address.base)` here")
        }
        let failure: CLIError?
        do {
            try await Self.end(Connection(address: address, token: token))
            failure = nil
        } catch let error as CLIError {
            failure = error
        }
        // Forgotten whatever the server says.
        if let tokenFile { unlink(tokenFile) } else { stored?.forget() }
        if let failure, failure.code != "credentials_expired", failure.code != "credentials_invalid"
        {
            throw CLIError(
                "the token is forgotten here, but the server did not end it: \(failure.message)",
                code: failure.code, status: failure.status)
        }
        try Output.lines(["signed out"])
    }

    private static func end(_ connection: Connection) async throws {
        try await APIClient.with(connection) { api in
            let credential =
                try await api.get(APIPath("/v1/whoami"))["credential"]?.stringValue ?? ""
            // Others are not from `login`; an administrator rotates them.
            guard credential.hasPrefix("d") else { return }
            _ = try await api.delete(try APIPath("/v1/sessions").appending(credential))
        }
    }
}

/// `exequatur session`: browsers and command lines that are signed in.
struct SessionCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "Browsers and command lines that are signed in.",
        subcommands: [List.self, End.self])

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List one's own; administrators see everybody's.")

        @Option(help: "Only those of this person.")
        var person: String?

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let sessions = try await api.list(APIPath("/v1/sessions").query("person", person))
            let columns = ["id", "person", "kind", "method", "signedInAt", "expires", "address"]
            try output.print(
                .array(sessions),
                or: RecordText.table(sessions, columns: columns, none: "nobody is signed in"))
        }
    }

    struct End: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "End one at once.")

        @Argument(help: "Its id, from `session list`.")
        var id: String

        @OptionGroup var output: OutputOptions
        @OptionGroup var connection: ConnectionOptions

        func perform(_ api: APIClient) async throws {
            let answer = try await api.delete(try APIPath("/v1/sessions").appending(id))
            try output.print(answer, or: [TerminalText.escaped("ended session \(id)")])
        }
    }
}
