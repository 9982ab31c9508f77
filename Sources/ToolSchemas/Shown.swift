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
