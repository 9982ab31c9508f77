// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import CanonicalJSON
internal import ControlPlane
internal import Foundation
internal import Logging
internal import Storage
internal import TransparencyLog

/// `exequatur recover`: the way out when nobody can approve anything any more.
struct Recover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Let administrators in again, with the recovery key and the server stopped.",
        discussion: """
            It makes a loud entry in the ledger, puts the persons you name into `administrators` and \
            `reviewers`, and prints a link for each, with which he signs in once the server runs again \
            and enrols a passkey. The installation stays sealed.
            """)

    @Option(help: "The server's folder.")
    var data = "./exequatur-data"

    @Option(help: "A file that holds the recovery key.")
    var recoveryKeyFile: String

    @Option(help: "A person to let in; new or known; may be given more than once.")
    var person: [String]

    @Flag(help: "Also put the starter policies back in force.")
    var starterPolicies = false

    @Option(name: .customLong("public-url"), help: "How people reach this server.")
    var publicURL = "http://localhost:8420"

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let text = try LocalFile.readText(recoveryKeyFile, limit: 4096)
        let key: SigningKey
        do {
            key = try SigningKey(
                privateKeyText: String(text.filter { !$0.isNewline && $0 != " " }))
        } catch {
            throw CLIError("`\(recoveryKeyFile)` holds no recovery key: \(error)")
        }
        let persons = try person.map { name in
            guard let handle = Handle(name) else { throw CLIError("`\(name)` is not a handle") }
            return handle
        }
        let directory = DataDirectory(path: data)
        guard directory.databaseExists, let verifier = try directory.verifierKey() else {
            throw CLIError("there is no installation in `\(data)`: give --data DIR")
        }
        var logger = Logger(label: "exequatur")
        logger.logLevel = .critical
        let control: ControlPlane
        do {
            control = try ControlPlane(
                configuration: ControlPlaneConfiguration(
                    data: directory, origin: verifier.name, publicURL: publicURL,
                    software: Version.software),
                backend: try SQLiteBackend(path: directory.database),
                effects: Effects(
                    wallClock: SystemClock.wall, monotonicSeconds: SystemClock.monotonicSeconds,
                    entropy: .live, facts: { _ in [:] }), logger: logger)
        } catch {
            throw CLIError("the installation can't be opened: \(error); stop the server first")
        }
        defer { control.shutDown() }
        let recovery: Recovery
        do {
            recovery = try await control.recover(
                persons, policies: starterPolicies ? StarterPolicies.files : nil, key: key)
        } catch let error as CommandError {
            throw CLIError(Self.words(error))
        }
        let links = recovery.links.map { person, link -> JSON in
            ["id": .string(person.text), "signInLink": .string(link)]
        }
        var lines = ["recovered: entry \(recovery.index) of the ledger says so"]
        lines += recovery.links.map { "\($0.person): \($0.link)" }
        lines.append("Start the server; each link is good once, within the hour.")
        try output.print(
            ["entry": .integer(Int64(recovery.index)), "persons": .array(links)], or: lines)
    }

    private static func words(_ error: CommandError) -> String {
        switch error {
        case .badRequest(_, let words), .forbidden(_, let words), .conflict(_, let words): words
        default: "\(error)"
        }
    }
}
