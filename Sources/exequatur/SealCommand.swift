// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import ControlPlane
internal import TransparencyLog

/// `exequatur seal`: asks for the end of the set-up phase, with a recovery key that is made here and
/// shown once.
struct SealCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "seal",
        abstract: "End the set-up phase for good: two persons confirm in the console.",
        discussion: """
            It makes a recovery key, prints it once, and asks two administrators to confirm everything \
            that decides from then on: each signs in with a passkey or by single sign-on and looks at \
            the manifest. The server never sees the recovery key, which is the only way out if one day \
            nobody can approve anything; keep it offline, best in two places.
            """)

    @Flag(help: "Only print how the seal stands.")
    var status = false

    @Flag(help: "Print the manifest that was sealed, or that is in question.")
    var manifest = false

    @Option(
        name: .customLong("recovery-key-file"),
        help: "Write the recovery key to this new file (mode 0600) instead of printing it.")
    var recoveryKeyFile: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard !(status && manifest) else {
            throw ValidationError("give either `--status` or `--manifest`")
        }
    }

    func perform(_ api: APIClient) async throws {
        if manifest {
            let answer = try await api.get(APIPath("/v1/seal/manifest"))
            return try output.print(
                answer,
                or: [
                    "manifest \(answer["digest"]?.stringValue ?? "")",
                    TerminalText.escaped(answer["manifest"]?.description ?? ""),
                ])
        }
        let standing = try await api.get(APIPath("/v1/seal"))
        guard !status, standing["sealed"]?.boolValue != true else {
            return try output.print(standing, or: Self.lines(standing))
        }
        let obstacles = standing["obstacles"]?.arrayValue?.compactMap(\.stringValue) ?? []
        guard obstacles.isEmpty else {
            throw CLIError(
                "it can't be sealed yet: "
                    + obstacles.map { TerminalText.escaped($0) }.joined(separator: "; "))
        }
        let key = try SigningKey(
            name: "recovery.exequatur.local/key", seed: Entropy.live.bytes(32))
        // Kept before anybody is asked: a question whose key is lost must not be confirmed.
        if let recoveryKeyFile {
            try LocalFile.writePrivate(Array((key.privateKeyText + "\n").utf8), to: recoveryKeyFile)
        }
        let answer = try await api.post(
            APIPath("/v1/seal"), ["recoveryKey": .string(key.verifierKey.vkey)])
        var shown = answer
        if recoveryKeyFile == nil { shown.set("recoveryKey", .string(key.privateKeyText)) }
        try output.print(shown, or: Self.asked(answer, key, recoveryKeyFile))
    }

    private static func asked(_ answer: JSON, _ key: SigningKey, _ file: String?) -> [String] {
        let question = answer["question"]
        var lines = [
            "Two administrators confirm the manifest "
                + (question?["manifest"]?.stringValue ?? "") + " at",
            "  \(question?["url"]?.stringValue ?? "")",
            "each after signing in with a passkey or by single sign-on.",
        ]
        if let file {
            lines.append("The recovery key is in `\(TerminalText.escaped(file))`: take it offline.")
        } else {
            lines += [
                "This is the recovery key. It is shown once and stored nowhere; write it down, and",
                "keep it offline:", "  \(key.privateKeyText)",
            ]
        }
        return lines
    }

    private static func lines(_ standing: JSON) -> [String] {
        guard let seal = standing["seal"], !seal.isNull else {
            let obstacles = standing["obstacles"]?.arrayValue?.compactMap(\.stringValue) ?? []
            var lines = ["unsealed"] + obstacles.map { "not yet: \(TerminalText.escaped($0))" }
            if let question = standing["question"], !question.isNull {
                let confirmed = question["confirmed"]?.arrayValue?.compactMap(\.stringValue) ?? []
                lines.append(
                    "asked by \(question["by"]?.stringValue ?? ""), confirmed by "
                        + (confirmed.isEmpty ? "nobody" : confirmed.joined(separator: ", "))
                        + (question["current"]?.boolValue == false
                            ? "; something has changed since: ask again" : ""))
            }
            return lines
        }
        let by = seal["by"]?.arrayValue?.compactMap(\.stringValue).joined(separator: " and ") ?? ""
        return [
            "sealed \(seal["at"]?.stringValue ?? "") by \(by)",
            "manifest \(seal["manifest"]?.stringValue ?? "")",
            "recovered \(standing["recoveries"]?.intValue ?? 0) times",
        ]
    }
}
