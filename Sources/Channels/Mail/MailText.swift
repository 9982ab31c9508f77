// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore

/// A mail in plain text, lines ending with a line feed.
///
/// Whoever sends it encodes it: lines may be longer than mail allows, and are not all ASCII.
package struct MailText: Sendable, Hashable {
    /// Printable ASCII, and words of ours alone: nothing of it can become another header field.
    package let subject: String
    package let body: String
    /// True if all of the rendering's text is in the body.
    package let isComplete: Bool

    /// Bytes of a body; what a reader can take in ends far below, and servers take ten megabytes.
    package static let bodyBytes = 200 * 1024

    /// An action under review, or how it ended.
    package init(_ card: ReviewCard) {
        let (text, body) = Shortening.longest { shortening in
            let text = CardText(card, shortening)
            return (text, Self.body(card, text))
        } that: {
            $1.utf8.count <= Self.bodyBytes
        }
        let severity = card.severity.map { " (\($0.rawValue))" } ?? ""
        subject = "[Exequatur] \(CardWords.state(card))\(severity): \(card.id)"
        self.body = body
        isComplete = text.isWhole
    }

    /// The ledger's newest checkpoint; see ``SlackCard/checkpoint(origin:size:root:note:)``.
    package init(checkpointOf origin: String, size: UInt64, root: String, note: String) {
        subject = "[Exequatur] Checkpoint of the ledger: \(size) entries"
        body =
            CardWords.checkpoint(origin: origin, size: size, root: root).joined(separator: "\n")
            + "\n\nSigned note:\n" + Self.indented(CardText.split(CardWords.note(note)))
        isComplete = false
    }

    /// That something deviates.
    package init(_ alert: DriftAlertText) {
        subject = "[Exequatur] Drift (\(alert.severity.rawValue)): source \(alert.source)"
        body =
            [
                "\(CardWords.trusted(alert))\n\(CardWords.subject(alert))", "Page: \(alert.url)",
                Self.warning, "What was found\n" + Self.indented(CardWords.found(alert)),
            ].joined(separator: "\n\n") + "\n"
        isComplete = false
    }

    private static let warning =
        "Nothing can be decided by mail: replies are not read. Links below this line are not ours."

    private static func body(_ card: ReviewCard, _ text: CardText) -> String {
        // The link comes first: further down anybody's text may look like one.
        var paragraphs = [
            "\(CardWords.headline(card))\n\(CardWords.subject(card))", "Page: \(card.page)",
            warning,
        ]
        paragraphs += CardWords.labels(card)
        if let ending = card.ending { paragraphs.append(CardWords.line(ending, to: 480)) }
        if !card.rendering.isComplete {
            paragraphs.append("Not all of it can be shown in full: nobody can approve it.")
        } else if !text.isWhole {
            paragraphs.append("Too long for a mail and shortened. The page shows all of it.")
        }
        paragraphs += text.parts.map { "\($0.title)\n" + indented($0.lines) }
        paragraphs.append(CardWords.marks(card).joined(separator: "\n"))
        return paragraphs.joined(separator: "\n\n") + "\n"
    }

    /// Only titles and sentences of ours stand at the margin.
    private static func indented(_ lines: [String]) -> String {
        lines.map { "  " + $0 }.joined(separator: "\n")
    }
}
