// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@Suite struct PointerTests {
    /// The document and the answers of RFC 6901 §5.
    @Test(arguments: [
        ("/foo", #"["bar","baz"]"#), ("/foo/0", #""bar""#), ("/", "0"), ("/a~1b", "1"),
        ("/c%d", "2"),
        ("/e^f", "3"), ("/g|h", "4"), ("/i\\j", "5"), ("/k\"l", "6"), ("/ ", "7"), ("/m~0n", "8"),
    ])
    func examplesOfTheStandard(_ text: String, _ expected: String) throws {
        let document = try JSON(
            parsing: #"""
                {"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,
                 "m~n":8}
                """#)
        let pointer = try JSONPointer(parsing: text)
        #expect(document[pointer] == (try JSON(parsing: expected)))
        #expect(pointer.description == text)
        #expect(document[try JSONPointer(parsing: "")] == document)
    }

    @Test(arguments: [
        "/absent", "/list/2", "/list/-", "/list/01", "/list/+1", "/list/1 ", "/list/", "/list/a",
        "/list/99999999999999999999", "/list/0/x", "/text/0", "/list/\u{661}",
    ])
    func leadsNowhere(_ text: String) throws {
        let document: JSON = ["list": [1, 2], "text": "abc"]
        #expect(document[try JSONPointer(parsing: text)] == nil)
    }

    @Test(arguments: ["a", "a/b", "/~", "/~2", "/a~", "/~/a", "#/a", " /a"])
    func refused(_ text: String) {
        #expect(throws: JSONPointerError.self) { try JSONPointer(parsing: text) }
    }

    @Test func refusesOverlongPointers() {
        let longest = String(repeating: "/", count: JSONPointer.maximumBytes)
        #expect(throws: Never.self) { try JSONPointer(parsing: longest) }
        let error = #expect(throws: JSONPointerError.self) {
            try JSONPointer(parsing: longest + "/")
        }
        #expect(error?.description == "pointer of 16385 bytes: use at most 16384")
    }

    @Test func escapingIsUndoneOnce() throws {
        #expect(try JSONPointer(parsing: "/~01").tokens == ["~1"])
        #expect(try JSONPointer(parsing: "/~10").tokens == ["/0"])
        #expect(JSONPointer(tokens: ["~1", "/", ""]).description == "/~01/~1/")
        #expect(try JSONPointer(parsing: "/~01/~1/").tokens == ["~1", "/", ""])
        #expect(JSONPointer(tokens: ["a"]).appending("0").description == "/a/0")
    }

    @Test func everyPathOfARandomValueIsFound() throws {
        var generator = RandomJSON(random: .forTest())
        func visit(_ value: JSON, at pointer: JSONPointer, in root: JSON) throws {
            let parsed = try JSONPointer(parsing: pointer.description)
            #expect(parsed == pointer)
            #expect(root[parsed] == value)
            switch value {
            case .array(let elements):
                for (index, element) in elements.enumerated() {
                    try visit(element, at: pointer.appending(String(index)), in: root)
                }
            case .object(let object):
                for (key, value) in object {
                    try visit(value, at: pointer.appending(key), in: root)
                }
            default: break
            }
        }
        for _ in 0..<200 {
            let root = generator.value()
            try visit(root, at: JSONPointer(tokens: []), in: root)
        }
    }
}
