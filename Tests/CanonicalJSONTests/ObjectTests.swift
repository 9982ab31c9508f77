// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@Suite struct ObjectTests {
    @Test func keepsMembersSortedAndUnique() {
        var object: JSONObject = ["b": 2, "a": 1]
        #expect(object.keys == ["a", "b"])
        object["ab"] = 3
        object["b"] = "two"
        object["absent"] = nil
        #expect(object.keys == ["a", "ab", "b"])
        #expect(object["b"] == "two")
        object["a"] = nil
        #expect(object.keys == ["ab", "b"])
        #expect(object.count == 2)
        #expect(object.map(\.key) == ["ab", "b"])
        #expect(object == ["b": "two", "ab": 3])
        #expect(JSONObject().isEmpty)
    }

    @Test func duplicatesFromOutsideGiveNil() {
        #expect(JSONObject(unique: [("b", 1), ("a", 2), ("b", 3)]) == nil)
        #expect(JSONObject(unique: [("b", 1), ("a", 2)]) == ["a": 2, "b": 1])
    }

    @Test func duplicatesInTheProgramStopIt() async {
        await #expect(processExitsWith: .failure) { _ = JSONObject([("a", 1), ("a", 2)]) }
    }

    /// Behaves like a dictionary with byte-wise keys under random changes.
    @Test func behavesLikeADictionary() {
        var generator = RandomJSON(random: .forTest())
        var object = JSONObject()
        var model: [[UInt8]: JSON] = [:]
        for step in 0..<5_000 {
            let key = generator.text()
            // Not `nil`, which would be the literal `null` here.
            let value: JSON? = step % 3 == 0 ? Optional.none : .int(step)
            object[key] = value
            model[Array(key.utf8)] = value
            #expect(object[key] == value)
            #expect(object.count == model.count)
        }
        for (key, value) in object { #expect(model[Array(key.utf8)] == value) }
        let keys = object.keys
        for (left, right) in zip(keys, keys.dropFirst()) {
            #expect(left.utf16.lexicographicallyPrecedes(right.utf16))
        }
    }

    @Test func printsForPeople() {
        let value: JSON = ["b": [1, "x"], "a": [:], "c": [], "d": nil]
        #expect(value.description == #"{"a":{},"b":[1,"x"],"c":[],"d":null}"#)
        #expect(
            value.prettyText() == """
                {
                  "a": {},
                  "b": [
                    1,
                    "x"
                  ],
                  "c": [],
                  "d": null
                }
                """)
    }
}
