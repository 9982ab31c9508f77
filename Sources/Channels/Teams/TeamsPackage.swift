// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// The app package that an administrator uploads to Microsoft Teams: the manifest and two icons.
///
/// Format: the app manifest, version 1.22.
package struct TeamsPackage: Sendable {
    /// The application id of the bot, which is the app's id too.
    package let appID: String
    /// What Teams calls the app; at most 30 characters.
    package let name: String
    /// Who runs it, and where people read about it: Teams wants all of these.
    package let developer: String
    package let website: String
    package let privacy: String
    package let terms: String

    package init(
        appID: String, name: String, developer: String, website: String, privacy: String,
        terms: String
    ) {
        self.appID = appID
        self.name = name
        self.developer = developer
        self.website = website
        self.privacy = privacy
        self.terms = terms
    }

    private static let schema =
        "https://developer.microsoft.com/json-schemas/teams/v1.22/MicrosoftTeams.schema.json"

    package var manifest: JSON {
        [
            "$schema": .string(Self.schema), "accentColor": "#14342B",
            "bots": [
                [
                    "botId": .string(appID),
                    "commandLists": [
                        [
                            "commands": [
                                [
                                    "description": "Link your account, with a code of the console",
                                    "title": "link",
                                ],
                                ["description": "What waits for you", "title": "list"],
                            ], "scopes": ["personal"],
                        ]
                    ], "isNotificationOnly": false,
                    // With fewer of them personal messages never arrive.
                    "scopes": ["personal", "team", "groupChat"], "supportsFiles": false,
                ]
            ],
            "description": [
                "full": """
                People approve or deny the privileged actions of AI agents and pipelines, and \
                see exactly what they approve. Every decision is recorded in a log that shows \
                tampering.
                """,
                "short": "Approve what AI agents and pipelines may do.",
            ],
            "developer": [
                "name": .string(developer), "privacyUrl": .string(privacy),
                "termsOfUseUrl": .string(terms), "websiteUrl": .string(website),
            ], "icons": ["color": "color.png", "outline": "outline.png"],
            "id": .string(appID), "manifestVersion": "1.22",
            "name": ["full": .string(name), "short": .string(name)], "validDomains": [],
            "version": "1.0.0",
        ]
    }

    /// The archive.
    package var bytes: [UInt8] {
        var zip = StoredZip()
        zip.add("manifest.json", Array(manifest.prettyText().utf8))
        zip.add("color.png", TeamsIcon.color)
        zip.add("outline.png", TeamsIcon.outline)
        return zip.bytes
    }
}
