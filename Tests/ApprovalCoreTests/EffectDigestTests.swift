// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing

@testable import ApprovalCore

@Suite("Effects in operations")
struct EffectDigestTests {
    /// A gate freezes what it was given; the server must come to the same digest of it.
    @Test(
        "the digest is over what was declared, whether or not it writes out what may be left out",
        arguments: [
            #"{"observed":true,"scope":"h","subject":"file:/a"}"#,
            #"{"observed":true,"path":"","scope":"h","subject":"file:/a"}"#,
            #"{"absent":true,"derived":[{"subject":"file:/b"}],"scope":"h","subject":"file:/a"}"#,
            #"{"path":"/x","post":null,"scope":"h","subject":"s:1","within":5}"#,
        ])
    func digest(_ effect: String) throws {
        let operation: JSON = [
            "action": "command.run", "effects": [try JSON(parsing: effect)], "input": [:],
            "resource": ["id": "h", "type": "Host"],
        ]
        let read = try Operation(operation)
        #expect(try read.canonicalBytes() == operation.canonicalBytes())
        #expect(try Operation(read.json).canonicalBytes() == operation.canonicalBytes())
    }

    @Test(
        "an effect that says nothing, or two things, is refused",
        arguments: [
            #"{"scope":"h","subject":"s:1"}"#,
            #"{"absent":true,"post":1,"scope":"h","subject":"s:1"}"#,
            #"{"absent":true,"scope":"","subject":"s:1"}"#,
            #"{"absent":true,"scope":"h","subject":"s:1","unknown":1}"#,
            #"{"absent":true,"scope":"h","subject":"s:1","within":86401}"#,
            #"{"postDigest":"sha256:00","scope":"h","subject":"s:1"}"#,
        ])
    func refused(_ effect: String) throws {
        #expect(throws: (any Error).self) {
            _ = try DeclaredEffect(try JSON(parsing: effect), path: "effects[0]")
        }
    }
}
