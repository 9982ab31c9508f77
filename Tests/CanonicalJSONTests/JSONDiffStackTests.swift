// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import Testing

@Suite("Depth of compared documents")
struct JSONDiffStackTests {
    /// Lists and objects in turn, with a value at the end.
    private func nest(_ value: JSON) -> JSON {
        (1..<JSONLimits.deepestAllowed).reduce(value) { inner, level in
            level % 2 == 0 ? [["k": 1], inner] : ["a": inner, "k": 2]
        }
    }

    /// Half a megabyte is the smallest stack that a thread of ours has; unoptimised code, as in most
    /// runs of this test, needs eight times as much.
    @Test("The deepest documents are compared and patched on the smallest stack")
    func stack() throws {
        let (old, new) = (nest(1), nest(2))
        let outcome = Mutex<[String]>([])
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            let kinds: [ListSemantics.Kind] = [.atomic, .set, .map(keys: ["k"])]
            for kind in kinds {
                let lists = ListSemantics(
                    (0..<ListSemantics.maximumRules).map {
                        ListSemantics.Rule(path: Array(repeating: "*", count: $0), kind: kind)
                    })
                let count = JSONDiff.differences(from: old, to: new, lists: lists).count
                let patch = JSONDiff.patch(from: old, to: new, lists: lists)
                let patched = try? patch.applied(to: old, limits: .files)
                let isRight = patched.map { JSONDiff.areEqual($0, new, lists: lists) }
                outcome.withLock { $0.append("\(count) \(isRight == true)") }
            }
            done.signal()
        }
        #if DEBUG
        thread.stackSize = 1 << 22
        #else
        thread.stackSize = 1 << 19
        #endif
        thread.start()
        done.wait()
        #expect(outcome.withLock { $0 } == ["1 true", "2 true", "1 true"])
    }
}
