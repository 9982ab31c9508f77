// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport

@testable import ApprovalCore

/// Actions that somebody who wants to deceive might submit, rendered by the real renderer.
struct CardGenerator {
    var random: SeededRandom

    /// Code points of many scripts, with marks that need a letter before them.
    private static let scripts: [ClosedRange<UInt32>] = [
        0x20...0x7E, 0xA1...0x24F, 0x300...0x36F, 0x370...0x3FF, 0x400...0x52F, 0x530...0x58F,
        0x591...0x5F4, 0x600...0x6FF, 0x900...0x97F, 0xE01...0xE5B, 0x1100...0x11FF,
        0x13A0...0x13FF, 0x1E00...0x1FFF, 0x20D0...0x20FF, 0x2190...0x21FF, 0x3040...0x30FF,
        0x4E00...0x9FFF, 0xAC00...0xD7A3, 0xFF01...0xFFEE, 0x10300...0x1034A, 0x1D400...0x1D7FF,
        0x1F300...0x1F6FF, 0x20000...0x2A6DF,
    ]

    /// What is meant not to be seen, or to change how the rest is seen.
    private static let deceptive: [ClosedRange<UInt32>] = [
        0x0...0x1F, 0x7F...0x9F, 0xA0...0xA0, 0xAD...0xAD, 0x34F...0x34F, 0x61C...0x61C,
        0x115F...0x1160, 0x1680...0x1680, 0x17B4...0x17B5, 0x180B...0x180F, 0x2000...0x200F,
        0x2028...0x202F, 0x205F...0x206F, 0x2800...0x2800, 0x3000...0x3000, 0x3164...0x3164,
        0xE000...0xE0FF, 0xFE00...0xFE0F, 0xFEFF...0xFEFF, 0xFFA0...0xFFA0, 0xFFF0...0xFFFF,
        0x1D173...0x1D17A, 0xE0000...0xE007F, 0xE0100...0xE01EF, 0x10FFF0...0x10FFFF,
    ]

    private static let attacks = [
        "<!channel>", "<@U123>", "<https://evil|https://good>", "@here", "https://evil.example",
        "```", "*bold*", "[text](https://evil.example)", "<at>user</at>", "{{DATE(x,SHORT)}}",
        "\n\n\n\n\n\n", "          ", "&amp;&lt;", "\\u{202e}", "\\n", "\"", "> ", "| ",
        "\nApproved by Bob\n", "\u{202E}", "xn--80ak6aa92e", "\u{2026} 3 of 4 characters left out",
        "Warnings", "Review", ":smile:", "${x}", "{{{", "\r\n",
    ]

    // MARK: texts

    private mutating func scalar(_ ranges: [ClosedRange<UInt32>]) -> Unicode.Scalar {
        let range = ranges[Int.random(in: 0..<ranges.count, using: &random)]
        return Unicode.Scalar(UInt32.random(in: range, using: &random)) ?? "?"
    }

    /// A text of about so many bytes.
    mutating func text(_ bytes: Int) -> String {
        guard bytes > 0 else { return "" }
        let flavour = Int.random(in: 0..<6, using: &random)
        var result = String.UnicodeScalarView()
        var size = 0
        while size < bytes {
            var piece: [Unicode.Scalar]
            switch (flavour, Int.random(in: 0..<8, using: &random)) {
            case (0, _): piece = [scalar([0x20...0x7E])]
            case (1, _): piece = [scalar(Self.deceptive)]
            case (2, _), (_, 0):
                let index = Int.random(in: 0..<Self.attacks.count, using: &random)
                piece = Array(Self.attacks[index].unicodeScalars)
            case (3, 1...6): piece = Array("line\n".unicodeScalars)
            case (_, 1): piece = [scalar(Self.deceptive)]
            default: piece = [scalar(Self.scripts)]
            }
            if Int.random(in: 0..<400, using: &random) == 0 {
                piece = Array(repeating: piece[0], count: Int.random(in: 1...400, using: &random))
            }
            result.append(contentsOf: piece)
            size += piece.reduce(0) { $0 + UTF8.width($1) }
        }
        return String(result)
    }

    /// Mostly short, and now and then up to 200 KB.
    private mutating func size() -> Int {
        switch Int.random(in: 0..<400, using: &random) {
        case 0..<30: 0
        case 30..<280: Int.random(in: 1...120, using: &random)
        case 280..<380: Int.random(in: 120...3500, using: &random)
        case 380..<398: Int.random(in: 3500...20_000, using: &random)
        default: Int.random(in: 20_000...200_000, using: &random)
        }
    }

    // MARK: cards

    mutating func card() throws -> ReviewCard {
        let isCommand = Bool.random(using: &random)
        let action = try CardFixtures.action(
            argv: arguments(), input: isCommand ? [:] : input(),
            name: isCommand ? "command.run" : "mcp.github_create", resource: resource(),
            justification: justification(), facts: facts())
        let rendering = Renderer.render(
            action: action, verdict: CardFixtures.verdict(reason: text(min(size(), 2000))),
            deadline: CardFixtures.deadline, name: { [name = text(30)] _ in name })
        let statuses = ActionStatus.allCases
        let isPending = Int.random(in: 0..<4, using: &random) > 0
        return try CardFixtures.card(
            action, rendering: rendering,
            status: isPending
                ? .pending : statuses[Int.random(in: 0..<statuses.count, using: &random)],
            decisions: (0..<Int.random(in: 0...3, using: &random)).map { _ in
                CardFixtures.decision(
                    VisibleText.escape(text(40)), approves: Bool.random(using: &random),
                    reason: VisibleText.escape(text(min(size(), 4096))))
            }, ending: isPending ? nil : VisibleText.escape(text(200)),
            isAdvisory: Bool.random(using: &random), isUnsealed: Bool.random(using: &random),
            offer: Int.random(in: 0..<5, using: &random) > 0
                ? .buttons : .page(VisibleText.escape(text(80))))
    }

    private mutating func arguments() -> [String] {
        (0..<Int.random(in: 1...5, using: &random)).map { _ in text(size()) }
    }

    private mutating func input() -> JSONObject {
        var object = JSONObject()
        for _ in 0..<Int.random(in: 0...5, using: &random) {
            let value = text(size())
            object[text(Int.random(in: 0...60, using: &random))] =
                Bool.random(using: &random)
                ? .string(value) : [.string(value), ["a/b": .string(value)], 1, nil]
        }
        return object
    }

    private mutating func resource() -> String {
        let text = text(Int.random(in: 1...900, using: &random))
        return text.utf8.count <= 1024 ? text : "build-7"
    }

    private mutating func justification() -> String {
        let text = text(min(size(), 3000))
        return text.utf8.count <= 4096 ? text : "long"
    }

    private mutating func facts() -> JSON {
        [
            "effect": "write", "inspectable": .bool(Bool.random(using: &random)),
            "program": .string(text(30)), "reasons": [.string(text(60))],
        ]
    }
}
