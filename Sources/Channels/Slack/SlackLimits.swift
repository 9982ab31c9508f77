// SPDX-License-Identifier: Apache-2.0

/// Every limit of Slack's Block Kit that a message of ours could reach, in one place.
///
/// Slack refuses a whole message for one character too many, and a card that can't be updated
/// keeps its buttons. So everything is measured before it is sent. Lengths are UTF-16 code units,
/// never fewer than the characters that the vendor counts.
/// Source: Slack's Block Kit reference and the types of its SDKs.
package enum SlackLimits {
    package static let messageBlocks = 50
    /// Of a modal and of the App Home.
    package static let viewBlocks = 100
    package static let headerText = 150
    /// The text object of a section, and any other plain text.
    package static let sectionText = 3000
    package static let contextElements = 10
    package static let actionElements = 25
    package static let buttonText = 75
    package static let buttonValue = 2000
    package static let url = 3000
    package static let actionID = 255
    package static let blockID = 255
    package static let inputLabel = 2000
    package static let inputLength = 3000
    package static let placeholder = 150
    /// Of a modal: its title and the words on its two buttons.
    package static let modalTitle = 24
    package static let privateMetadata = 3000
    package static let callbackID = 255
    /// The vendor's advice for the text beside the blocks; it cuts only much later.
    package static let fallbackText = 4000

    // Nothing is documented for what follows.

    /// Text of one `rich_text` block: what a section may have, the smallest limit of any text.
    package static let richText = 3000
    /// All text of a message, by ``weight(_:)``.
    ///
    /// Users report `msg_blocks_too_long` from 11,300 characters on; the vendor speaks of 12,000
    /// with a buffer for the blocks around the text (slackapi/bolt-js#2509, #2867).
    package static let messageWeight = 8000
    /// The same of a view, which may have 250 kB; beyond it nobody reads in a window that small.
    package static let viewWeight = 16_000
    /// Lines of a card: a flood of short ones is as unreadable as one long text.
    package static let lines = 160
    /// Cards in the App Home.
    package static let homeItems = 20

    /// What a text counts at worst: `&`, `<` and `>` as the entities that Slack stores, and what
    /// JSON escapes as its escape.
    package static func weight(_ text: String) -> Int {
        var weight = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): weight += 5
            case UInt8(ascii: "<"), UInt8(ascii: ">"): weight += 4
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), 0x0A: weight += 2
            // The bytes of a code point after its first.
            case 0x80..<0xC0: break
            case 0xF0...: weight += 2
            default: weight += 1
            }
        }
        return weight
    }
}
