// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Hummingbird

/// The yardstick: the least that a JSON route on the same server framework costs.
///
/// It decodes a small request and encodes a small answer, and neither authenticates, decides nor
/// writes anything down.
struct BareServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bare", abstract: "Serve a bare JSON route on 127.0.0.1.")

    @Option(help: "The port.")
    var port = 18080

    struct Request: Codable {
        var agent: String
        var action: String
        var resource: String
        var amount: Int
        var tags: [String]
    }

    struct Answer: ResponseCodable {
        var id: String
        var decision: String
        var score: Int
    }

    func run() async throws {
        let router = Router()
        router.post("decide") { request, context -> Answer in
            let request = try await request.decode(as: Request.self, context: context)
            return Answer(
                id: request.agent, decision: request.amount > 100 ? "hold" : "allow",
                score: request.tags.count)
        }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)))
        try await application.runService()
    }
}
