// SPDX-License-Identifier: Apache-2.0
internal import Hummingbird
internal import AsyncHTTPClient
import ArgumentParser

@main
struct Exequatur: ParsableCommand {
    mutating func run() throws {}
}
