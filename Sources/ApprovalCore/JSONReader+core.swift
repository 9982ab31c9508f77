// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// A core, body, receipt or request that has the right JSON type but an impossible value.
package struct CoreError: Error, CustomStringConvertible, Sendable, Hashable {
    package let description: String
    package init(_ description: String) { self.description = description }
}

extension JSONReader {
    package mutating func handle(_ key: String) throws -> Handle {
        let text = try string(key)
        guard let handle = Handle(text) else {
            throw CoreError(
                "`\(key)`: `\(VisibleText.escape(text))` is not a handle of at most "
                    + "\(Limits.identifierBytes) lower-case letters, digits and `. _ @ -`")
        }
        return handle
    }

    package mutating func optionalHandle(_ key: String) throws -> Handle? {
        guard let text = try optionalString(key) else { return nil }
        guard let handle = Handle(text) else {
            throw CoreError("`\(key)`: `\(VisibleText.escape(text))` is not a handle")
        }
        return handle
    }

    package mutating func handles(_ key: String) throws -> [Handle] {
        try strings(key).map { text in
            guard let handle = Handle(text) else {
                throw CoreError("`\(key)`: `\(VisibleText.escape(text))` is not a handle")
            }
            return handle
        }
    }

    package mutating func actionID(_ key: String) throws -> ActionID {
        guard let id = ActionID(try string(key)) else {
            throw CoreError("`\(key)`: not an action id")
        }
        return id
    }

    package mutating func hash(_ key: String) throws -> Hash256 {
        guard let hash = Hash256(hex: try string(key)) else {
            throw CoreError("`\(key)`: expected 64 lower-case hex digits")
        }
        return hash
    }

    package mutating func optionalHash(_ key: String) throws -> Hash256? {
        guard let text = try optionalString(key) else { return nil }
        guard let hash = Hash256(hex: text) else {
            throw CoreError("`\(key)`: expected 64 lower-case hex digits")
        }
        return hash
    }

    /// A hash that may be absent; `null` is not a second way of writing that.
    package mutating func hashIfPresent(_ key: String) throws -> Hash256? {
        guard let value = optionalValue(key) else { return nil }
        guard let hash = value.stringValue.flatMap({ Hash256(hex: $0) }) else {
            throw CoreError("`\(key)`: expected 64 lower-case hex digits")
        }
        return hash
    }

    package mutating func timestamp(_ key: String) throws -> Timestamp {
        guard let instant = Timestamp(try string(key)) else {
            throw CoreError("`\(key)`: expected an instant such as `2026-01-31T09:30:00.000Z`")
        }
        return instant
    }

    package mutating func optionalTimestamp(_ key: String) throws -> Timestamp? {
        guard let text = try optionalString(key) else { return nil }
        guard let instant = Timestamp(text) else {
            throw CoreError("`\(key)`: expected an instant such as `2026-01-31T09:30:00.000Z`")
        }
        return instant
    }

    /// The same of a member that may be absent; `null` is not a second way of writing that.
    package mutating func optionalChoice<Choice: RawRepresentable>(
        _ key: String, _: Choice.Type
    ) throws -> Choice? where Choice.RawValue == String {
        guard let value = optionalValue(key) else { return nil }
        guard let choice = value.stringValue.flatMap(Choice.init(rawValue:)) else {
            throw CoreError("`\(key)`: unknown")
        }
        return choice
    }

    /// One of an enumeration's raw values; anything else is refused, never guessed.
    package mutating func choice<Choice: RawRepresentable>(
        _ key: String, _: Choice.Type
    ) throws -> Choice where Choice.RawValue == String {
        let text = try string(key)
        guard let choice = Choice(rawValue: text) else {
            throw CoreError("`\(key)`: `\(VisibleText.escape(text))` is unknown")
        }
        return choice
    }
}

extension JSON {
    package static func handles(_ handles: some Sequence<Handle>) -> JSON {
        .array(handles.map { .string($0.text) })
    }

    package static func optional(_ text: String?) -> JSON { text.map(JSON.string) ?? .null }
    package static func optional(_ handle: Handle?) -> JSON { .optional(handle?.text) }
    package static func optional(_ instant: Timestamp?) -> JSON {
        .optional(instant?.description)
    }
    package static func integer(_ value: Int64) -> JSON { .number(JSONNumber(value)) }
}
