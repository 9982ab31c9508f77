// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@Suite struct PropertyTests {
    /// Value → canonical bytes → value is the identity, and canonical form is a fixed point.
    @Test func canonicalFormRoundTrips() throws {
        var generator = RandomJSON(random: .forTest())
        for _ in 0..<1_000 {
            let value = generator.value()
            let bytes = try value.canonicalBytes()
            let parsed = try JSON(parsing: bytes)
            #expect(parsed == value)
            #expect(parsed.hashValue == value.hashValue)
            #expect(try parsed.canonicalBytes() == bytes)
            #expect(try JSON(canonical: bytes) == value)
        }
    }

    /// However a value is written, its canonical form is the same.
    @Test func wayOfWritingDoesNotMatter() throws {
        var generator = RandomJSON(random: .forTest())
        for _ in 0..<1_000 {
            let value = generator.value()
            let bytes = try value.canonicalBytes()
            let messy = Array(generator.messyText(of: value).utf8)
            let parsed = try JSON(parsing: messy)
            #expect(parsed == value)
            #expect(parsed.hashValue == value.hashValue)
            #expect(try parsed.canonicalBytes() == bytes)
            // Reading canonically accepts exactly the canonical bytes.
            #expect(((try? JSON(canonical: messy)) != nil) == (messy == bytes))
        }
    }

    /// Equal values and only those have equal canonical bytes.
    @Test func equalityIsEqualityOfCanonicalForms() throws {
        var generator = RandomJSON(random: .forTest())
        let values = (0..<300).map { _ in generator.value(depth: 1) }
        let forms = try values.map { try $0.canonicalBytes() }
        for left in values.indices {
            for right in values.indices {
                let areEqual = values[left] == values[right]
                guard areEqual != (forms[left] == forms[right]) else { continue }
                Issue.record("\(values[left]) and \(values[right])")
            }
        }
    }

    /// A changed byte never leaves canonical text meaning the same.
    @Test func changedCanonicalTextIsAnotherValue() throws {
        var generator = RandomJSON(random: .forTest())
        for _ in 0..<500 {
            let value = generator.value()
            var bytes = try value.canonicalBytes()
            let index = Int.random(in: bytes.indices, using: &generator.random)
            bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator.random)
            if let changed = try? JSON(canonical: bytes) { #expect(changed != value) }
        }
    }

    /// The text for people holds the same value as the canonical one.
    @Test func otherTextsHoldTheSameValue() throws {
        var generator = RandomJSON(random: .forTest())
        for _ in 0..<1_000 {
            let value = generator.value()
            #expect(try JSON(parsing: value.description) == value)
            #expect(try JSON(parsing: value.prettyText()) == value)
        }
    }

    @Test func directWriterWritesTheSameBytes() throws {
        var generator = RandomJSON(random: .forTest())
        for _ in 0..<1_000 {
            let value = generator.value()
            var writer = CanonicalWriter()
            try Self.write(value, to: &writer)
            #expect(writer.bytes == (try value.canonicalBytes()))
        }
    }

    private static func write(_ value: JSON, to writer: inout CanonicalWriter) throws {
        switch value {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .string(let value): writer.string(value)
        case .number(let number):
            if let integer = number.int64, integer.magnitude < 1 << 53 {
                writer.int(integer)
            } else {
                writer.raw(try value.canonicalBytes())
            }
        case .array(let elements):
            writer.beginArray()
            for element in elements { try write(element, to: &writer) }
            writer.endArray()
        case .object(let object):
            writer.beginObject()
            for (key, value) in object {
                writer.key(key)
                try write(value, to: &writer)
            }
            writer.endObject()
        }
    }
}
