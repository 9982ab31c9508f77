// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// What the body of an answer to an invoke is; any other shows people an error of Teams' own.
enum TeamsInvokeAnswer {
    /// Replaces the card, for whoever pressed.
    static func card(_ card: JSON) -> JSON {
        [
            "statusCode": 200, "type": "application/vnd.microsoft.card.adaptive", "value": card,
        ]
    }

    /// Says something to whoever pressed.
    static func said(_ text: String) -> JSON {
        [
            "statusCode": 200, "type": "application/vnd.microsoft.activity.message",
            "value": .string(text),
        ]
    }

    /// For what is no request of ours.
    static func badRequest(_ message: String) -> JSON {
        [
            "statusCode": 400, "type": "application/vnd.microsoft.error",
            "value": ["code": "BadRequest", "message": .string(message)],
        ]
    }
}

/// What somebody wrote to the bot.
enum TeamsText: Hashable {
    /// `link` and a code.
    case link(String)
    /// Anything else.
    case other

    /// Reads a message without the mentions in it.
    init(_ text: String) {
        let words = Self.withoutMentions(text).split(whereSeparator: \.isWhitespace)
        guard words.count == 2, words[0].lowercased().utf8.elementsEqual("link".utf8) else {
            self = .other
            return
        }
        self = .link(String(words[1]))
    }

    /// `text` with a blank for each `<at>…</at>`.
    static func withoutMentions(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let open = rest.firstRange(of: "<at>"),
            let close = rest[open.upperBound...].firstRange(of: "</at>")
        {
            result += rest[..<open.lowerBound] + " "
            rest = rest[close.upperBound...]
        }
        return result + rest
    }
}
