// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import TransparencyLog

/// One tool as its server defines it: every member, not only its description.
struct MCPTool: Sendable, Hashable {
    let name: String
    let definition: JSON
    /// SHA-256 of the definition's canonical form.
    let digest: Hash256

    /// Reads a definition; nil where it has no name or no canonical form, so that it can't be
    /// named exactly: such a tool is never shown and never called.
    init?(_ json: JSON) {
        guard let name = json["name"]?.stringValue, !name.isEmpty,
            let bytes = try? json.canonicalBytes(numbers: .ecmaScript),
            let canonical = try? JSON(parsing: bytes)
        else { return nil }
        self.name = name
        definition = canonical
        digest = .sha256(bytes)
    }
}

/// An answer to `tools/list`, of which only some tools may be seen.
struct MCPToolPage {
    private let bytes: [UInt8]
    private let result: [JSONSpans.Member]
    private let resultEnd: Int
    private let list: Range<Int>
    private let elements: [(span: Range<Int>, tool: MCPTool?)]
    /// Where the next page begins; nil on the last one.
    let cursor: String?

    /// Reads an answer; nil for an error, or what is no list.
    init?(_ message: MCPMessage) {
        bytes = message.bytes
        guard
            let span = JSONSpans.members(of: bytes)?.last(where: {
                MCPMessage.same($0.key, "result")
            })?.value,
            let members = JSONSpans.members(of: bytes, in: span),
            let list = members.last(where: { MCPMessage.same($0.key, "tools") })?.value,
            let found = JSONSpans.elements(of: bytes, in: list)
        else { return nil }
        result = members
        resultEnd = span.upperBound
        self.list = list
        let all = bytes
        elements = found.map { span in
            (span, (try? JSON(parsing: Array(all[span]))).flatMap(MCPTool.init))
        }
        cursor =
            members.last { MCPMessage.same($0.key, "nextCursor") }
            .flatMap { try? JSON(parsing: Array(all[$0.value])) }?.stringValue
    }

    /// The tools that can be named; of two with one name none.
    var tools: [MCPTool] { Self.unique(elements.compactMap(\.tool)) }

    static func unique(_ tools: [MCPTool]) -> [MCPTool] {
        let counts = Dictionary(grouping: tools) { Array($0.name.utf8) }
        return tools.filter { counts[Array($0.name.utf8)]?.count == 1 }
    }

    /// The answer with those tools only that `isVisible`, every other byte as it was.
    ///
    /// In the protocol from 2026-07-28 on it also says that nobody may keep it: which tools are
    /// to be seen depends on the requester and on policy, and changes with both.
    func showing(
        isModern: Bool, _ isVisible: (MCPTool) -> Bool
    ) -> [UInt8] {
        let named = Set(tools)
        let kept = elements.filter { element in
            element.tool.map { named.contains($0) && isVisible($0) } ?? false
        }
        var edits: [(Range<Int>, [UInt8])] = []
        if kept.count != elements.count {
            let text = kept.map { Array(bytes[$0.span]) }.joined(separator: [UInt8(ascii: ",")])
            edits.append((list, [UInt8(ascii: "[")] + text + [UInt8(ascii: "]")]))
        }
        if isModern {
            edits += edit("ttlMs", "0") + edit("cacheScope", "\"private\"")
        }
        var changed = bytes
        for (span, text) in edits.sorted(by: { $0.0.lowerBound > $1.0.lowerBound }) {
            changed.replaceSubrange(span, with: text)
        }
        return changed
    }

    private func edit(_ key: String, _ value: String) -> [(Range<Int>, [UInt8])] {
        let spans = result.filter { MCPMessage.same($0.key, key) }.map(\.value)
        guard spans.isEmpty else { return spans.map { ($0, Array(value.utf8)) } }
        // There is a member before it: the tools.
        let end = resultEnd - 1
        return [(end..<end, Array(",\"\(key)\":\(value)".utf8))]
    }
}
