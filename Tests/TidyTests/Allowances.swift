// SPDX-License-Identifier: Apache-2.0

extension Allowance {
    /// Every exception in force.
    ///
    /// An entry that no longer matches anything fails the tests too.
    static let all: [Allowance] = [
        Allowance(
            token: "print(", path: "Sources/exequatur/",
            reason: "the command line is what standard output is for"),
        Allowance(
            token: "Date()", path: "Sources/exequatur/SystemClock.swift",
            reason: "the one place that reads the wall clock"),
        Allowance(
            token: "ContinuousClock", path: "Sources/exequatur/SystemClock.swift",
            reason: "the one place that reads the monotonic clock"),
        Allowance(
            token: "SystemRandomNumberGenerator", path: "Sources/TestSupport/SeededRandom.swift",
            reason: "`SEED=random` wants a new seed, which is then printed"),
    ]
}
