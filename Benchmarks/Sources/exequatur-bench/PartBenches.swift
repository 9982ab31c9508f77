// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser

/// The parts by themselves, on one thread and without a server.
struct PartBenches: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parts", abstract: "Measure every part by itself.")

    func run() {
        JSONParts().run()
        LogParts().run()
        ClaimParts().run()
        CedarParts().run()
    }
}

struct JSONParts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "json", abstract: "Measure canonical JSON.")

    func run() { benchJSON() }
}

struct LogParts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Measure the transparency log.")

    func run() { benchLog() }
}

struct ClaimParts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "claim", abstract: "Measure what a gate checks of a claim.")

    func run() { benchClaims() }
}

struct CedarParts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cedar", abstract: "Measure the policy language.")

    func run() { benchCedar() }
}
