// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import DriftCore
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite("JSONPath")
struct JSONPathTests {
    private func paths(_ query: String, in document: String) throws -> [String] {
        try JSONPath(query).located(in: JSON(parsing: document)).map(\.normalizedPath)
    }

    private func refusal(_ query: String) -> String {
        do throws(JSONPathError) {
            _ = try JSONPath(query)
            return "no error"
        } catch {
            return error.description
        }
    }

    /// RFC 9535, §1.5.
    @Test("The bookstore of the RFC gives the answers of the RFC")
    func bookstore() throws {
        let document = """
            {"store":{"book":[
            {"category":"reference","author":"Nigel Rees","price":8.95},
            {"category":"fiction","author":"Evelyn Waugh","price":12.99},
            {"category":"fiction","author":"Herman Melville","isbn":"0-553-21311-3","price":8.99},
            {"category":"fiction","author":"J. R. R. Tolkien","isbn":"0-395-19395-8","price":22.99}
            ],"bicycle":{"color":"red","price":399}}}
            """
        let book = "$['store']['book']"
        let answers: [(String, [String])] = [
            ("$.store.book[*].author", (0..<4).map { "\(book)[\($0)]['author']" }),
            ("$..author", (0..<4).map { "\(book)[\($0)]['author']" }),
            ("$.store.*", ["$['store']['bicycle']", book]),
            ("$..book[2].publisher", []), ("$..book[-1]", ["\(book)[3]"]),
            ("$..book[0,1]", ["\(book)[0]", "\(book)[1]"]),
            ("$..book[:2]", ["\(book)[0]", "\(book)[1]"]),
            ("$..book[?@.isbn]", ["\(book)[2]", "\(book)[3]"]),
            ("$..book[?@.price<10]", ["\(book)[0]", "\(book)[2]"]),
        ]
        for (query, answer) in answers {
            #expect(try paths(query, in: document) == answer, "\(query)")
        }
        #expect(try paths("$..*", in: document).count == 23)
        #expect(
            try JSONPath("$.store.book[1].price").nodes(in: JSON(parsing: document)).map(
                \.0.description)
                == ["/store/book/1/price"])
    }

    @Test("A refusal names the place and what to write")
    func refusals() {
        #expect(refusal("a") == "JSONPath `a`, byte 1: start with `$`")
        #expect(
            refusal("$.a b") == "JSONPath `$.a b`, byte 4: expected `.`, `..` or `[`, or the end")
        #expect(
            refusal("$[?@.a[*]==1]")
                == "JSONPath `$[?@.a[*]==1]`, byte 4: the query can select several values: use "
                + "only names and indices, without space in the brackets")
        #expect(
            refusal("$[?size(@)==1]")
                == "JSONPath `$[?size(@)==1]`, byte 4: unknown function: use `length`, `count`, "
                + "`match`, `search` or `value`")
        #expect(
            refusal("$[?match(@,'(a')]")
                == "JSONPath `$[?match(@,'(a')]`, byte 12: not an I-Regexp, character 3 of the "
                + "pattern: expected `)`")
        #expect(refusal("$[01]").contains("byte 3: expected an integer without leading zeros"))
        #expect(refusal("$[9007199254740992]").contains("use an integer between"))
        #expect(refusal("$['\\ud800']").contains("half of a surrogate pair"))
        #expect(refusal("$[?@[ 'a' ]==1]").contains("without space in the brackets"))
        #expect(refusal("$\u{202E}").contains("\\u{202e}"))
    }

    @Test("Queries have a length, and filters and parentheses a depth")
    func limits() {
        let most = JSONPath.maximumBytes
        #expect(refusal("$." + String(repeating: "a", count: most - 2)) == "no error")
        #expect(
            refusal("$." + String(repeating: "a", count: most - 1))
                == "JSONPath of \(most + 1) bytes: use at most \(most)")
        let deep = JSONPath.maximumNesting
        func nested(_ count: Int) -> String {
            "$[?" + String(repeating: "(", count: count - 1) + "@"
                + String(repeating: ")", count: count - 1) + "]"
        }
        #expect(refusal(nested(deep)) == "no error")
        #expect(refusal(nested(deep + 1)).contains("inside each other"))
        #expect(refusal(String(repeating: "$[?", count: 1_300)).contains("inside each other"))
    }

    @Test("Names and strings are compared by bytes, numbers by their exact value")
    func exactness() throws {
        #expect(try paths("$['é']", in: #"{"e\u0301":1}"#) == [])
        #expect(try paths("$[?@=='é']", in: #"["e\u0301","é"]"#) == ["$[1]"])
        #expect(try paths("$[?@==1]", in: "[1.0,10e-1,1.1]") == ["$[0]", "$[1]"])
        #expect(
            try paths("$[?@<9007199254740993]", in: "[9007199254740992,9007199254740993]")
                == ["$[0]"])
        #expect(
            try paths("$[?@<=-1.5]", in: "[-2,-1.5,-1.25,0,-15e-1,1e3]") == [
                "$[0]", "$[1]", "$[4]",
            ])
        // By code points, not by UTF-16 as names are sorted.
        #expect(try paths(#"$[?@<'\ud83d\ude00']"#, in: #"["\uffff"]"#) == ["$[0]"])
    }

    @Test("A normalized path selects exactly its value")
    func normalizedPaths() throws {
        var random = SeededRandom.forTest()
        let names = ["a", "'", "\\", "\n", "\u{1}", "é", "\u{8}\u{C}\r\t", "😀", "\"", "0", ""]
        func value(_ depth: Int) -> JSON {
            switch Int.random(in: 0..<(depth > 0 ? 4 : 1), using: &random) {
            case 0: return .int(Int.random(in: 0..<9, using: &random))
            case 1:
                return .array(
                    (0..<Int.random(in: 0..<4, using: &random)).map { _ in value(depth - 1) })
            default:
                var object = JSONObject()
                for _ in 0..<4 {
                    let name = names[Int.random(in: names.indices, using: &random)]
                    object[name] = value(depth - 1)
                }
                return .object(object)
            }
        }
        var count = 0
        for _ in 0..<50 {
            let document = value(4)
            for node in try JSONPath("$..*").located(in: document) {
                let again = try JSONPath(node.normalizedPath).located(in: document)
                #expect(again.map(\.normalizedPath) == [node.normalizedPath])
                #expect(again.first?.value == node.value)
                #expect(document[node.pointer] == node.value)
                count += 1
            }
        }
        #expect(count > 500)
    }

    // MARK: Effort

    private func nest(_ depth: Int) -> JSON {
        (0..<depth).reduce(1) { value, level in level % 2 == 0 ? [value, 2] : ["a": value] }
    }

    @Test(
        "Queries that would take forever are given up, and give nothing",
        arguments: [
            "$..*..*..*..*", "$..[*,*,*]..[*,*,*]", "$..[?@..[?@..[?@..[?@..x]]]]",
            "$[?count($..*..*..*)>1]", "$..[?$..[?$..[?@==$.b]]]",
        ])
    func budget(query: String) throws {
        let document = nest(64)
        let path = try JSONPath(query)
        let error = #expect(throws: JSONPathError.self) {
            try path.nodes(in: ["d": document, "e": document], budget: 200_000)
        }
        #expect(error?.description.contains("gave up after 200000 steps") == true)
    }

    @Test("What large documents need is within the budget")
    func sufficient() throws {
        let item: JSON = ["name": "n", "env": [["name": "TOKEN", "value": "x"], ["name": "A"]]]
        let document: JSON = ["items": .array(Array(repeating: item, count: 10_000))]
        let path = try JSONPath("$..env[?match(@.name,'.*(TOKEN|SECRET).*')].value")
        #expect(try path.nodes(in: document).count == 10_000)
    }

    @Test("Comparing large values again and again is paid for")
    func comparisons() throws {
        let large = JSON.array((0..<10_000).map { JSON.int($0) })
        let document: JSON = [
            "a": large, "b": large, "list": .array(Array(repeating: 1, count: 1_000)),
        ]
        #expect(throws: JSONPathError.self) {
            try JSONPath("$.list[?$.a==$.b]").nodes(in: document, budget: 200_000)
        }
        #expect(try JSONPath("$.list[?$.a[9]==$.b[9]]").nodes(in: document).count == 1_000)
    }

    /// Half a megabyte is the smallest stack that a thread of ours has.
    @Test("The deepest documents fit on the smallest stack")
    func stack() throws {
        let document = nest(JSONLimits.deepestAllowed)
        let filters =
            String(repeating: "[?$..", count: 15) + "x" + String(repeating: "]", count: 15)
        let queries = try ["$..*", "$..[?@..a]", "$..\(filters)"].map { try JSONPath($0) }
        let outcome = Mutex<[String]>([])
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            for query in queries {
                let result = Result { try query.nodes(in: document, budget: 200_000) }
                outcome.withLock {
                    $0.append((try? result.get()).map { "\($0.count)" } ?? "given up")
                }
            }
            done.signal()
        }
        thread.stackSize = 1 << 19
        thread.start()
        done.wait()
        #expect(outcome.withLock { $0 } == ["768", "510", "given up"])
    }
}
