// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// What a gate saw of one declared effect before and after it executed, where the action declared
/// only that it would change something.
///
/// Weaker than a declared value: nobody approved what came out. It is labelled wherever it counts.
package struct ObservedEffect: Sendable, Hashable {
    /// Which of the operation's effects, from 0.
    package let number: Int64
    /// The subject's document then; nil where there was none.
    package let before: JSON?
    package let after: JSON?

    package init(number: Int64, before: JSON?, after: JSON?) {
        self.number = number
        self.before = before
        self.after = after
    }

    /// Reads one; unknown members are refused.
    package init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        number = try reader.int("number")
        before = Self.document(reader.optionalValue("before"))
        after = Self.document(reader.optionalValue("after"))
        try reader.finish()
        guard (0..<Int64(Limits.effects)).contains(number) else {
            throw CoreError("`\(path).number`: not the number of an effect")
        }
    }

    private static func document(_ value: JSON?) -> JSON? {
        guard let value, !value.isNull else { return nil }
        return value
    }

    package var json: JSON {
        ["after": after ?? .null, "before": before ?? .null, "number": .integer(number)]
    }

    /// Reads those of one report, at most one for each effect.
    ///
    /// - Throws: `CoreError` for too many bytes, or two of the same effect.
    package static func list(_ array: [JSON]?, path: String) throws -> [ObservedEffect] {
        let all = try (array ?? []).enumerated().map { position, json in
            try ObservedEffect(json, path: "\(path)[\(position)]")
        }
        guard Set(all.map(\.number)).count == all.count else {
            throw CoreError("`\(path)`: an effect is there twice")
        }
        let bytes = try JSON.array(all.map(\.json)).canonicalBytes().count
        guard bytes <= Limits.observedEffectBytes else {
            throw CoreError(
                "`\(path)`: \(bytes) bytes; the limit is \(Limits.observedEffectBytes)")
        }
        return all
    }
}
