// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar

/// Input in messages: escaped and cut to a length.
enum Shown {
    /// The text with whatever does not show as itself escaped.
    static func text(_ text: String, limit: Int = 64) -> String {
        let scalars = text.unicodeScalars
        let isCut = scalars.count > limit
        let shown = isCut ? String(String.UnicodeScalarView(scalars.prefix(limit))) : text
        // The literal of the language escapes all that; only its quotes are in the way.
        let literal = Value.string(shown).description
        return String(literal.dropFirst().dropLast()) + (isCut ? "…" : "")
    }

    /// A type in few words, however large it is.
    static func type(_ type: CedarType) -> String {
        switch type {
        case .bool: "a boolean"
        case .long: "a 64-bit integer"
        case .string: "a string"
        case .set: "an array"
        case .record(let record) where record.isOpen: "an open record"
        case .record(let record):
            switch RecordConvention(record) {
            case .plain: "an object"
            case .tuple(let types): "an array of \(types.count) elements"
            case .union(let choices): "one of \(choices.count) types"
            }
        case .entity(let union): "`\(text(union.names.joined(separator: ", ")))`"
        case .extension(let type): "`\(type.rawValue)`"
        case .never, .true, .false, .anyEntity, .anySet: "`\(type)`"
        }
    }

    /// What kind of value this is, with its article.
    static func kind(_ json: JSON) -> String {
        switch json {
        case .null: "null"
        case .bool: "a boolean"
        case .number(let number): "the number `\(text(number.text))`"
        case .string(let string): "the string `\(text(string))`"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// Finds what somebody likely meant.
enum Hint {
    /// Longer names and lists are not looked at: a hint is not worth seconds.
    private static let longest = 64
    private static let most = 1_000

    /// The name with the fewest differences, if it is close; of several the first.
    static func nearest(to name: String, among candidates: [String]) -> String? {
        let wanted = Array(name.utf8)
        guard (1...longest).contains(wanted.count), candidates.count <= most else { return nil }
        let allowed = max(1, wanted.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let bytes = Array(candidate.utf8)
            guard abs(bytes.count - wanted.count) <= allowed else { continue }
            let distance = distance(wanted, bytes)
            guard distance <= allowed, distance < best?.distance ?? .max else { continue }
            best = (candidate, distance)
        }
        return best?.name
    }

    /// The number of bytes to insert, take out or replace (Levenshtein).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (place, one) in left.enumerated() {
            var diagonal = row[0]
            row[0] = place + 1
            for (other, two) in right.enumerated() {
                let cost = one == two ? diagonal : diagonal + 1
                diagonal = row[other + 1]
                row[other + 1] = min(cost, row[other] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
