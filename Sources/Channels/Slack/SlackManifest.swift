// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// The description from which Slack makes the app: exactly what it needs and no more.
///
/// Format: slackapi/manifest-schema, version 2.
package enum SlackManifest {
    /// The manifest of an app.
    ///
    /// - Parameters:
    ///   - name: what Slack calls the app; at most 35 characters.
    ///   - callback: the address of the channel at this server for HTTP; nil for Socket Mode, for
    ///     which Slack needs none.
    /// - Returns: JSON to paste into "Create an app from a manifest".
    package static func json(name: String, callback: String?) -> JSON {
        var interactivity: JSONObject = ["is_enabled": true]
        var events: JSONObject = ["bot_events": ["app_home_opened"]]
        if let callback {
            interactivity["request_url"] = .string("\(callback)/interactivity")
            events["request_url"] = .string("\(callback)/events")
        }
        return [
            "_metadata": ["major_version": 2],
            "display_information": [
                "background_color": "#14342b",
                "description": "Approve what AI agents and pipelines may do.",
                "name": .string(name),
            ],
            "features": [
                "app_home": [
                    "home_tab_enabled": true, "messages_tab_enabled": true,
                    "messages_tab_read_only_enabled": true,
                ],
                "bot_user": ["always_online": true, "display_name": .string(name)],
            ],
            "oauth_config": ["scopes": ["bot": .array(scopes.map(JSON.string))]],
            "settings": [
                "event_subscriptions": .object(events),
                "interactivity": .object(interactivity), "org_deploy_enabled": false,
                "socket_mode_enabled": .bool(callback == nil), "token_rotation_enabled": false,
            ],
        ]
    }

    /// Post and change messages; open direct conversations; see who is a member and who a guest.
    package static let scopes = ["chat:write", "im:write", "users:read"]
}
