// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Collectors
import TestSupport
import Testing

@Suite("Structured files")
struct StructuredFilesTests {
    @Test("INI: sections, keys of both kinds, comments and values as they are written")
    func ini() throws {
        let text = """
            top = 1
            ; a comment
            [core]
            	editor = vim -f   # not a comment
              # a comment
            url: http://host:80/a=b
            quoted = " x "
            bare
            empty =
            [remote "origin"]  ; where it came from
            [core]
            more=yes
            """
        #expect(
            try document(text, .ini)
                == #"{"":{"top":"1"},"core":{"bare":null,"editor":"vim -f   # not a comment","#
                + #""empty":"","more":"yes","quoted":"\" x \"","url":"http://host:80/a=b"},"#
                + #""remote \"origin\"":{}}"#)
    }

    @Test("INI: a key that is there again keeps all its values, in order")
    func duplicates() throws {
        #expect(try document("a=1\nb=2\na=3", .ini) == #"{"":{"a":["1","3"],"b":"2"}}"#)
        #expect(try document("a=3\nb=2\na=1", .ini) == #"{"":{"a":["3","1"],"b":"2"}}"#)
        #expect(try document("[s]\na=1\n[t]\n[s]\na=2", .ini) == #"{"s":{"a":["1","2"]},"t":{}}"#)
    }

    @Test("INI: a line of a value that moves to another key is seen")
    func continuations() throws {
        let one = "allow =\n  alice\n  bob\ndeny =\n  eve\n"
        let other = "allow =\n  alice\n  bob\n  eve\ndeny =\n"
        #expect(
            try document(one, .ini) == #"{"":{"allow":"\nalice\nbob","deny":"\neve"}}"#)
        #expect(try document(one, .ini) != document(other, .ini))
        let unit = "[Service]\nExecStart=/bin/x \\\n  --one \\\n# between\n  --two\nUser=a\n"
        #expect(
            try document(unit, .ini)
                == #"{"Service":{"ExecStart":"/bin/x \\\n--one \\\n--two","User":"a"}}"#)
        // Keys of Git are indented, each as far as the others.
        #expect(try document("[u]\n\ta = 1\n\tb = 2\n", .ini) == #"{"u":{"a":"1","b":"2"}}"#)
    }

    @Test("INI: what is no INI is refused")
    func malformedINI() {
        #expect(refusal("[a\nb=1", .ini).contains("line 1"))
        #expect(refusal("a=1\n[", .ini).contains("line 2"))
        #expect(refusal("[core] editor = vi", .ini).contains("a line of its own"))
        let many = (0...10_000).map { "a\($0)=1\n" }.joined()
        #expect(refusal(many, .ini).contains("10000"))
    }

    @Test("variables: quotes and spaces are kept, `export` is not")
    func variables() throws {
        #expect(
            try document("# c\nexport A=1\nB=\"x y\" \nA=2\n\nC=", .env)
                == #"{"A":["1","2"],"B":"\"x y\" ","C":""}"#)
        #expect(refusal("A", .env).contains("line 1"))
    }

    @Test("JSON: strict, and inexact numbers are marked")
    func json() throws {
        #expect(
            try document(#"{"b":1.0,"a":[9007199254740993,1e3]}"#, .json)
                == #"{"a":[{"$number":"9007199254740993"},1000],"b":1}"#)
        #expect(refusal(#"{"a":1,"a":2}"#, .json) != "")
        #expect(refusal(#"{"a":1,"\u0061":2}"#, .json) != "")
        #expect(refusal("// c\n{}", .json) != "")
        #expect(refusal(#"{"$number":"1"}"#, .json).contains("$number"))
        // Else who may write the file could hide that a secret was taken away.
        #expect(refusal(#"{"a":{"$secret":"hmac-sha256:00"}}"#, .json).contains("$secret"))
        #expect(
            refusal(String(repeating: "[", count: 100_000), .json).contains("64"))
    }

    @Test("a byte order mark is not part of a file, and only UTF-8 is read")
    func encodings() throws {
        for format in StructuredFiles.Format.allCases {
            let text = format == .json ? "{}" : ""
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            let bare = try StructuredFiles.parse(Array(text.utf8), format: format)
            #expect(try StructuredFiles.parse(mark + Array(text.utf8), format: format) == bare)
            #expect(throws: (any Error).self) {
                try StructuredFiles.parse([0x61, 0xFF, 0x0A], format: format)
            }
        }
        #expect(throws: (any Error).self) {
            try StructuredFiles.parse([], format: "xml")
        }
    }

    @Test("the ending of a path tells the format")
    func endings() {
        #expect(StructuredFiles.format(ofFile: "/a/b.json") == .json)
        #expect(StructuredFiles.format(ofFile: "/a.d/b.YML") == .yaml)
        #expect(StructuredFiles.format(ofFile: "/a/x.service") == .ini)
        #expect(StructuredFiles.format(ofFile: "/a/.env") == .env)
        #expect(StructuredFiles.format(ofFile: "/a.json/b") == nil)
        #expect(StructuredFiles.format(ofFile: "/a/nginx.conf") == nil)
    }

    @Test("bytes at random are read or refused, and never end the process")
    func nasty() {
        var random = SeededRandom.forTest()
        let pieces = [
            "a", ":", " ", "\n", "- ", "[", "]", "{", "}", "&a ", "*a", "? ", "|\n", ">", "\"", "'",
            "#", "!x ", "%", "=", ".", "1", "e", "0x", "\t", ",", "\\", "\u{0}", "\u{85}", "é",
            "---\n",
            "\"\"\"", "'''", "[[", "]]", "<<", "~", "\r", "@", "`",
        ]
        for _ in 0..<3_000 {
            let count = Int(random.next() % 40)
            let text = (0..<count).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }
                .joined()
            for format in StructuredFiles.Format.allCases {
                guard let read = try? StructuredFiles.parse(Array(text.utf8), format: format)
                else { continue }
                // Whatever is read has a canonical form, and the same one again.
                let again = try? StructuredFiles.parse(Array(text.utf8), format: format)
                #expect((try? read.canonicalBytes()) != nil, "\(text)")
                #expect(read == again)
            }
        }
    }
}
