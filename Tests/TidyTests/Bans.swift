// SPDX-License-Identifier: Apache-2.0

import Testing

/// Something that must not stand in the code: why, and what to write instead.
struct Ban: Sendable {
    let token: String
    let reason: String
    let instead: String
    /// The folders in which it holds.
    var folders = ["Sources/"]
    /// A call that names this argument is fine.
    var unlessArgument: String?

    static let shippedAndTests = ["Sources/", "Tests/", "Benchmarks/"]

    /// The targets that hold logic and do no I/O.
    static let pure = [
        "Sources/ApprovalCore/", "Sources/CanonicalJSON/", "Sources/Cedar/", "Sources/Console/",
        "Sources/Facts/", "Sources/ToolSchemas/", "Sources/TransparencyLog/",
        "Sources/WebAuthn/",
    ]
}

/// A place where a ban does not hold, with the reason for it.
struct Allowance: Sendable {
    let token: String
    /// A file, or a folder with `/` at its end.
    let path: String
    let reason: String

    func covers(_ token: String, in path: String) -> Bool {
        self.token == token
            && (self.path == path || (self.path.hasSuffix("/") && path.hasPrefix(self.path)))
    }
}

extension Ban: CustomTestStringConvertible {
    var testDescription: String { token }
}

extension Ban {
    static let all: [Ban] = time + randomness + tasks + failures + inputAndOutput

    private static let time: [Ban] = [
        "Date()", "Date.now", "Date(timeIntervalSinceNow", "ContinuousClock", "SuspendingClock",
        "NIODeadline.now", "DispatchTime.now", "clock_gettime", "gettimeofday",
    ].map {
        Ban(
            token: $0, reason: "the clock read here cannot be replayed in a test",
            instead: "take `now:` as an argument; shells read the clock once and pass it on")
    }

    private static let randomness: [Ban] =
        [".random(", ".randomElement(", ".shuffled(", ".shuffle("].map {
            Ban(
                token: $0, reason: "the value cannot be replayed from a seed",
                instead: "pass `using:` a generator that was handed in",
                folders: shippedAndTests, unlessArgument: "using:")
        } + [
            Ban(
                token: "UUID()", reason: "the identifier cannot be replayed from a seed",
                instead: "make identifiers from bytes that were handed in"),
            Ban(
                token: "SystemRandomNumberGenerator",
                reason: "the values cannot be replayed from a seed",
                instead: "take `inout some RandomNumberGenerator` as an argument"),
        ]

    private static let tasks: [Ban] = ["Task {", "Task(", "Task<Void, Never> {", "Task.detached"]
        .map {
            Ban(
                token: $0, reason: "nobody waits for an unstructured task or cancels it",
                instead: "use a task group or a `Service` in the service group")
        }

    private static let failures: [Ban] = [
        Ban(
            token: "try!", reason: "an error would end the process without a word",
            instead: "let the error through, or prove the case with `precondition`",
            folders: shippedAndTests),
        Ban(
            token: "fatalError(", reason: "an unexpected input would end the process",
            instead: "throw; use `precondition` only for our own mistakes",
            folders: shippedAndTests),
        Ban(
            token: "@unchecked Sendable", reason: "the compiler no longer looks for data races",
            instead: "use a value type, or a class around `Mutex`", folders: shippedAndTests),
        Ban(
            token: "nonisolated(unsafe)", reason: "the compiler no longer looks for data races",
            instead: "use `Mutex` or `Atomic`"),
        Ban(
            token: "Mutex<(@",
            reason: "each access wraps the closure once more, so that every call is slower than "
                + "the one before",
            instead: "put the closure into a struct of its own", folders: shippedAndTests),
        Ban(
            token: "#expect(true)", reason: "a test that cannot fail shows nothing",
            instead: "test something, or remove it", folders: ["Tests/"]),
        Ban(
            token: "#expect(Bool(true))", reason: "a test that cannot fail shows nothing",
            instead: "test something, or remove it", folders: ["Tests/"]),
        Ban(
            token: "import XCTest", reason: "two test libraries are one too many",
            instead: "import Testing", folders: ["Tests/"]),
    ]

    private static let inputAndOutput: [Ban] =
        [
            Ban(
                token: "print(", reason: "standard output belongs to the command line",
                instead: "log with a constant message and metadata")
        ]
        + [
            "FileManager", "FileHandle", "URLSession", "ProcessInfo", "Process()", "getenv",
            "Thread.sleep", "Task.sleep",
        ].map {
            Ban(
                token: $0, reason: "this target holds logic and does no input or output",
                instead: "do it in a shell and pass the result in", folders: pure)
        }
}
