// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Console

@Suite struct LineDiffTests {
    private func marks(_ before: String, _ after: String) -> [String] {
        LineDiff(before: before, after: after).lines.map { "\($0.mark.sign)\($0.text)" }
    }

    @Test func showsWhatIsGoneAndWhatIsNew() {
        #expect(marks("a\nb\nc\n", "a\nx\nc\n") == [" a", "−b", "+x", " c"])
        #expect(marks("", "a\nb\n") == ["+a", "+b"])
        #expect(marks("a\n", "") == ["−a"])
        #expect(marks("a\nb\n", "b\na\n") == ["−a", " b", "+a"])
    }

    @Test func linesAreComparedAsBytes() {
        // Equal to Swift, and not the same text.
        #expect(marks("e\u{301}\n", "\u{e9}\n") == ["−e\u{301}", "+\u{e9}"])
    }

    @Test func leavesOutWhatIsFarFromAChange() {
        let lines = (0..<20).map { "\($0)\n" }
        let before = lines.joined()
        let after = before.replacing("10\n", with: "ten\n")
        let shown = marks(before, after)
        #expect(shown.first == "…7 lines as before" && shown.last == "…6 lines as before")
        #expect(shown.count == 3 + 1 + 1 + 3 + 2)
        #expect(marks(before, before) == ["…20 lines as before"])
    }

    @Test func hasARoomyLimitAndSaysWhenItIsReached() {
        let long = (0...LineDiff.limit).map { "\($0)\n" }.joined()
        let diff = LineDiff(before: "", after: long)
        #expect(diff.isCut && diff.lines.count == LineDiff.limit)
        let replaced = LineDiff(before: long, after: long.replacing("\n", with: "x\n"))
        #expect(replaced.isCut)
    }

    /// Whatever the texts are, both can be made of the difference again.
    @Test func nothingIsLostOrInvented() {
        let seed: UInt64 = 0x5EED_0002
        var random = SplitMix(state: seed)
        for round in 0..<300 {
            func lines() -> [String] {
                (0..<Int(random.next() % 12)).map { _ in "l\(random.next() % 4)" }
            }
            let (old, new) = (lines(), lines())
            let diff = LineDiff(
                before: old.map { $0 + "\n" }.joined(), after: new.map { $0 + "\n" }.joined())
            if diff.lines.contains(where: { $0.mark == .skipped }) { continue }
            let left = diff.lines.filter { $0.mark != .added }.map(\.text)
            let right = diff.lines.filter { $0.mark != .removed }.map(\.text)
            #expect(left == old && right == new, "seed \(seed), round \(round)")
        }
    }
}
