// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing

@Suite struct ReaderTests {
    private static let document: JSON = [
        "text": "x", "number": 7, "truth": true, "nothing": nil, "list": [1, "a"],
        "names": ["a", "b"], "child": ["id": "c"], "children": [["id": 1], ["id": 2]],
    ]

    @Test func readsEveryMember() throws {
        var reader = try JSONReader(Self.document)
        #expect(try reader.string("text") == "x")
        #expect(try reader.optionalString("text") == "x")
        #expect(try reader.int("number") == 7)
        #expect(try reader.optionalInt("number") == 7)
        #expect(try reader.bool("truth"))
        #expect(try reader.optionalBool("truth") == true)
        #expect(try reader.array("list") == [1, "a"])
        #expect(try reader.strings("names") == ["a", "b"])
        #expect(try reader.value("nothing") == .null)
        #expect(reader.optionalValue("nothing") == .null)
        #expect(try reader.optionalString("nothing") == nil)
        #expect(try reader.optionalInt("absent") == nil)
        #expect(try reader.optionalBool("absent") == nil)
        #expect(try reader.optionalArray("absent") == nil)
        #expect(try reader.optionalStrings("absent") == nil)
        #expect(try reader.optionalObject("absent") == nil)
        #expect(try reader.optionalObjects("nothing") == nil)
        #expect(reader.optionalValue("absent") == nil)
        var child = try reader.object("child")
        #expect(child.path == "child")
        #expect(try child.string("id") == "c")
        try child.finish()
        for (index, var child) in try reader.objects("children").enumerated() {
            #expect(child.path == "children[\(index)]")
            #expect(try child.int("id") == Int64(index + 1))
            try child.finish()
        }
        try reader.finish()
    }

    @Test func refusesUnknownMembers() throws {
        var reader = try JSONReader(["a": 1, "b": 2], path: "operation")
        _ = try reader.int("a")
        let error = #expect(throws: JSONShapeError.self) { try reader.finish() }
        #expect(error?.description == "`operation.b`: unknown member, remove it")
    }

    private func message(_ body: (inout JSONReader) throws -> Void) throws -> String? {
        var reader = try JSONReader(Self.document)
        return #expect(throws: JSONShapeError.self) { try body(&reader) }?.description
    }

    @Test func saysWhatIsWrong() throws {
        #expect(
            try message { _ = try $0.string("number") }
                == "`number`: expected a string, found a number")
        #expect(
            try message { _ = try $0.string("nothing") }
                == "`nothing`: expected a string, found null")
        #expect(try message { _ = try $0.string("absent") } == "`absent`: missing, add a string")
        #expect(try message { _ = try $0.value("absent") } == "`absent`: missing, add it")
        #expect(
            try message { _ = try $0.int("text") } == "`text`: expected an integer, found a string")
        #expect(
            try message { _ = try $0.bool("list") } == "`list`: expected a boolean, found an array")
        #expect(
            try message { _ = try $0.array("child") }
                == "`child`: expected an array, found an object")
        #expect(
            try message { _ = try $0.object("truth") }
                == "`truth`: expected an object, found a boolean")
        #expect(
            try message { _ = try $0.strings("list") }
                == "`list[0]`: expected a string, found a number")
        #expect(
            try message { _ = try $0.objects("list") }
                == "`list[0]`: expected an object, found a number")
        #expect(
            try message {
                _ = try $0.optionalObject("child")?.error("id", "unknown agent, add it first")
                    .throwing()
            }
                == "`child.id`: unknown agent, add it first")
        let error = #expect(throws: JSONShapeError.self) { try JSONReader([1]) }
        #expect(error?.description == "expected an object, found an array")
    }

    @Test(arguments: ["1.5", "9007199254740992", "-9007199254740992", "9007199254740993", "1e300"])
    func refusesIntegersThatCannotBeSigned(_ text: String) throws {
        var reader = try JSONReader(JSON(parsing: "{\"n\":\(text)}"))
        let error = #expect(throws: JSONShapeError.self) { try reader.int("n") }
        #expect(
            error?.description
                == "`n`: expected an integer between -(2^53 - 1) and 2^53 - 1, found `\(text)`")
    }

    @Test(arguments: [
        ("9007199254740991", 9_007_199_254_740_991 as Int64), ("-1e3", -1_000), ("2.0", 2),
    ])
    func readsIntegersHoweverWritten(_ text: String, _ expected: Int64) throws {
        var reader = try JSONReader(JSON(parsing: "{\"n\":\(text)}"))
        #expect(try reader.int("n") == expected)
    }
}

extension JSONShapeError {
    fileprivate func throwing() throws { throw self }
}
