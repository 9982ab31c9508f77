// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Channels

struct TeamsCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "teams", abstract: "Set up Microsoft Teams.",
        subcommands: [TeamsPackageCommand.self])
}

struct TeamsPackageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "package", abstract: "Write the app package that Teams is given.",
        discussion: """
            Upload it in the Teams admin center under "Manage apps", or in Teams under "Apps", \
            "Manage your apps". The bot's messaging endpoint is the channel's address here with \
            /messages at its end, such as https://HOST/channels/teams/messages.
            """)

    @Option(help: "The bot's application id, such as 0f3c0f0e-0000-4000-8000-00000000a001.")
    var appID: String

    @Option(help: "What Teams calls the app; at most 30 characters.")
    var name = "Exequatur"

    @Option(help: "Who runs it; at most 32 characters.")
    var developer = "Exequatur"

    @Option(help: "An https:// address about it, such as that of your console.")
    var website = "https://example.org/"

    @Option(help: "The privacy statement; the website otherwise.")
    var privacy: String?

    @Option(help: "The terms of use; the website otherwise.")
    var terms: String?

    @Option(help: "The file to write.")
    var out: String

    func validate() throws {
        guard Self.isGUID(appID) else {
            throw ValidationError("`--app-id`: an id such as 0f3c0f0e-0000-4000-8000-00000000a001")
        }
        guard (1...30).contains(name.unicodeScalars.count) else {
            throw ValidationError("`--name`: 1 to 30 characters")
        }
        guard (1...32).contains(developer.unicodeScalars.count) else {
            throw ValidationError("`--developer`: 1 to 32 characters")
        }
        for (option, url) in [("website", website), ("privacy", privacy), ("terms", terms)] {
            guard let url else { continue }
            guard url.hasPrefix("https://"), (9...2048).contains(url.utf8.count),
                url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else { throw ValidationError("`--\(option)`: an https:// address") }
        }
    }

    private static func isGUID(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.utf8.count) == [8, 4, 4, 4, 12]
            && text.utf8.allSatisfy { byte in
                let lower = byte | 0x20
                return byte == UInt8(ascii: "-") || (byte >= 0x30 && byte <= 0x39)
                    || (lower >= 0x61 && lower <= 0x66)
            }
    }

    func run() throws {
        let package = TeamsPackage(
            appID: appID, name: name, developer: developer, website: website,
            privacy: privacy ?? website, terms: terms ?? website)
        try LocalFile.write(package.bytes, to: out)
    }
}
