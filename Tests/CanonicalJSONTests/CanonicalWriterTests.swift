// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing

@Suite struct CanonicalWriterTests {
    @Test func writesALedgerEntry() throws {
        var writer = CanonicalWriter(capacity: 64)
        writer.beginObject()
        writer.key("a")
        writer.beginArray()
        writer.int(-1)
        writer.string("x\n\"")
        writer.null()
        writer.beginObject()
        writer.endObject()
        writer.beginArray()
        writer.endArray()
        writer.raw(Array(#"{"z":1}"#.utf8))
        writer.endArray()
        writer.key("b")
        writer.bool(true)
        writer.key("c")
        writer.bool(false)
        writer.endObject()
        let text = #"{"a":[-1,"x\n\"",null,{},[],{"z":1}],"b":true,"c":false}"#
        #expect(String(decoding: writer.bytes, as: UTF8.self) == text)
        #expect(try JSON(canonical: writer.bytes).canonicalBytes() == writer.bytes)
    }

    @Test func writesSingleValues() {
        var writer = CanonicalWriter()
        writer.int(CanonicalWriter.largestInteger)
        #expect(writer.bytes == Array("9007199254740991".utf8))
    }

    /// Each mistake would be hashed and signed, so each stops the program.
    @Test func mistakesStopTheProgram() async {
        await #expect(processExitsWith: .failure) {
            var writer = CanonicalWriter()
            writer.beginObject()
            writer.key("b")
            writer.null()
            writer.key("a")
        }
        await #expect(processExitsWith: .failure) {
            var writer = CanonicalWriter()
            writer.beginObject()
            writer.key("a")
            writer.null()
            writer.key("a")
        }
        await #expect(processExitsWith: .failure) {
            var writer = CanonicalWriter()
            writer.beginObject()
            writer.string("no name")
        }
        await #expect(processExitsWith: .failure) {
            var writer = CanonicalWriter()
            writer.beginArray()
            writer.endObject()
        }
        await #expect(processExitsWith: .failure) {
            var writer = CanonicalWriter()
            writer.beginObject()
            writer.key("a")
            writer.endObject()
        }
        await #expect(processExitsWith: .failure) {
            var writer = CanonicalWriter()
            writer.beginArray()
            _ = writer.bytes
        }
        await #expect(processExitsWith: .failure) {
            var writer = CanonicalWriter()
            writer.null()
            writer.null()
        }
        await #expect(processExitsWith: .failure) {
            var writer = CanonicalWriter()
            writer.int(CanonicalWriter.largestInteger + 1)
        }
    }
}
