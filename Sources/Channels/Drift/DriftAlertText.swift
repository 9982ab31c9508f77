// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore

/// An alert of drift as channels show it.
package struct DriftAlertText: Sendable, Hashable {
    /// Its place in the outbox; later ones have greater keys.
    package let key: String
    package let severity: Severity
    package let source: Handle
    /// One line about what was found; anybody's words may be in it.
    package let text: String
    /// When it was found: an alert that had to wait must not look new.
    package let at: Timestamp
    /// Where to look.
    package let url: String

    package init(
        key: String, severity: Severity, source: Handle, text: String, at: Timestamp, url: String
    ) {
        self.key = key
        self.severity = severity
        self.source = source
        self.text = text
        self.at = at
        self.url = url
    }
}

/// Where a channel's alerts of drift go, and how bad they have to be.
package struct AlertPost: Sendable, Hashable {
    /// The vendor's id of the place, or an address; what it says is the channel's.
    package let place: String
    /// Those that are less severe are not told here.
    package let least: Severity

    package init(place: String, least: Severity = .medium) {
        self.place = place
        self.least = least
    }

    func takes(_ alert: DriftAlertText) -> Bool { alert.severity >= least }
}
