// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Crashes")
struct CrashTests {
    static var script: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("scripts/crash-test").path
    }

    /// With `EXEQUATUR_TEST_FULL` the whole measure: 1,000 actions and 20 kills.
    @Test(
        "Nothing that was acknowledged is lost when the server is killed at work",
        .enabled(if: Program.hasPython, "needs python3"))
    func kills() throws {
        let isFull = ProcessInfo.processInfo.environment["EXEQUATUR_TEST_FULL"] == "1"
        let result = try Program.run(
            [
                Self.script, "--binary", Program.path, "--actions", isFull ? "1000" : "60",
                "--kills", isFull ? "20" : "4",
            ], seconds: 900, executable: Program.python)
        // The output begins with the seed, so that a failure can be repeated.
        #expect(result.status == 0, "\(result.out)\(result.err)")
    }
}
