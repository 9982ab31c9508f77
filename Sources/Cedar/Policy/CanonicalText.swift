// SPDX-License-Identifier: Apache-2.0

/// The words of a policy separated by single spaces.
struct CanonicalText: Sendable {
    let text: String
    /// Where slots start in the text, in bytes.
    private let slots: [Int]

    /// The words of the text of one policy, which was read before.
    init(of policy: String) {
        let bytes = Array(policy.utf8)
        var lexer = Lexer(bytes)
        lexer.run()
        var words: [UInt8] = []
        words.reserveCapacity(bytes.count + bytes.count / 4)
        var slots: [Int] = []
        for token in lexer.tokens where token.kind != .end {
            if !words.isEmpty { words.append(UInt8(ascii: " ")) }
            if token.kind == .slot { slots.append(words.count) }
            words.append(contentsOf: bytes[token.span.bytes])
        }
        text = String(decoding: words, as: UTF8.self)
        self.slots = slots
    }

    /// The text with entities for the slots.
    func filled(_ values: [Template.Slot: EntityUID]) -> String {
        guard !slots.isEmpty else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var start = 0
        for slot in slots {
            let end = bytes[slot...].firstIndex(of: UInt8(ascii: " ")) ?? bytes.count
            let name = String(decoding: bytes[slot..<end], as: UTF8.self)
            guard let uid = Template.Slot(rawValue: name).flatMap({ values[$0] }) else { continue }
            result += bytes[start..<slot]
            result += "\(uid.type) :: \(uid.id.cedarLiteral)".utf8
            start = end
        }
        return String(decoding: result + bytes[start...], as: UTF8.self)
    }
}
