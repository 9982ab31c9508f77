// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// What every script of a run has in common.
struct LoadFixture {
    var host: String
    /// The input of the command that a scenario submits, as JSON text.
    var input: String
    /// Used in turn, because the server limits how fast one agent may submit.
    var agentTokens: [String]
    var reviewerToken: String?

    /// A submission: unique by its justification, and with a claim where one is asked for.
    ///
    /// Place 0 is the justification; place 1, where there is a claim, its nonce.
    func submission(claiming: Bool) -> BodyTemplate {
        let claim = claiming ? #""claim":{"nonce":"\#(BodyTemplate.mark)"},"# : ""
        return BodyTemplate(
            "{\(claim)\"intent\":{\"justification\":\"\(BodyTemplate.mark)\"},"
                + "\"operation\":{\"action\":\"command.run\",\"input\":\(input),"
                + "\"resource\":{\"id\":\"bench\",\"type\":\"Host\"}}}")
    }

    /// A submission that is a new operation each time, because equal pending ones are attached.
    func uniqueSubmission() -> BodyTemplate {
        let unique = input.replacing("UNIQUE", with: BodyTemplate.mark)
        return BodyTemplate(
            "{\"operation\":{\"action\":\"command.run\",\"input\":\(unique),"
                + "\"resource\":{\"id\":\"bench\",\"type\":\"Host\"}}}")
    }

    func agents(startingAt offset: Int) -> AgentRotation {
        let writers = agentTokens.map { RequestWriter(host: host, token: $0) }
        return AgentRotation(
            writers: writers.isEmpty ? [RequestWriter(host: host, token: nil)] : writers,
            offset: offset)
    }

    var reviewer: RequestWriter { RequestWriter(host: host, token: reviewerToken) }
}

/// Every agent in turn, each connection beginning with another one.
struct AgentRotation {
    private let writers: [RequestWriter]
    private var next: Int

    init(writers: [RequestWriter], offset: Int) {
        self.writers = writers
        next = offset % writers.count
    }

    mutating func take() -> RequestWriter {
        defer { next = (next + 1) % writers.count }
        return writers[next]
    }
}

extension Answer {
    /// Ends the connection with what the server said, unless it answered as the scenario needs.
    func expect(_ expected: Int, _ step: String) throws {
        guard status == expected else {
            let text = String(decoding: body.prefix(300), as: UTF8.self)
            throw Measurements.Failure(text: "\(step): status \(status): \(text)")
        }
    }

    func required(_ member: String) throws -> String {
        guard let value = string(member) else {
            throw Measurements.Failure(text: "an answer has no `\(member)`")
        }
        return value
    }
}

/// The bare route: the ceiling of the framework.
final class BareScript: Script {
    private let writer: RequestWriter
    private var body = BodyTemplate(
        #"{"action":"db.drop_table","agent":"\#(BodyTemplate.mark)","amount":120,"#
            + #""resource":"prod/orders","tags":["prod","pii"]}"#)
    private var random: SplitMix64

    init(_ fixture: LoadFixture, seed: UInt64) {
        writer = RequestWriter(host: fixture.host, token: nil)
        random = SplitMix64(seed: seed)
    }

    func next(after answer: Answer?, context: ScriptContext) throws -> ByteBuffer? {
        if let answer {
            try answer.expect(200, "bare")
            context.record("bare")
        }
        guard !context.measurements.isOver else { return nil }
        body.refresh(&random)
        return writer.post("/decide", body.bytes)
    }
}

/// An allowed command: submitted, cleared and claimed in one durable write.
final class AllowedScript: Script {
    private var agents: AgentRotation
    private var body: BodyTemplate
    private var random: SplitMix64

    init(_ fixture: LoadFixture, index: Int, seed: UInt64) {
        agents = fixture.agents(startingAt: index)
        body = fixture.submission(claiming: true)
        random = SplitMix64(seed: seed)
    }

    func next(after answer: Answer?, context: ScriptContext) throws -> ByteBuffer? {
        if let answer {
            try answer.expect(201, "allowed")
            guard try answer.required("state") == "claimed" else {
                throw Measurements.Failure(
                    text: "allowed: the action is \(try answer.required("state")), not claimed")
            }
            context.record("allowed")
        }
        guard !context.measurements.isOver else { return nil }
        body.refresh(&random)
        return agents.take().post("/v1/actions", body.bytes)
    }
}

/// A reviewed command from submission to outcome, four requests in a row.
final class CycleScript: Script {
    private enum Step { case start, submitted, decided, claimed, reported }

    private let reviewer: RequestWriter
    private var agents: AgentRotation
    private var agent: RequestWriter
    private var body: BodyTemplate
    private var nonce = BodyTemplate(BodyTemplate.mark)
    private var random: SplitMix64
    private var step = Step.start
    private var id = ""
    private var began = NIODeadline.now()

    init(_ fixture: LoadFixture, index: Int, seed: UInt64) {
        reviewer = fixture.reviewer
        agents = fixture.agents(startingAt: index)
        agent = agents.take()
        body = fixture.uniqueSubmission()
        random = SplitMix64(seed: seed)
    }

    func next(after answer: Answer?, context: ScriptContext) throws -> ByteBuffer? {
        switch step {
        case .start:
            return begin(context)
        case .submitted:
            guard let answer else { return nil }
            try answer.expect(201, "submit")
            context.record("cycle 1 submit")
            id = try answer.required("id")
            let digest = try answer.required("digest")
            step = .decided
            let decision = #"{"decision":"approve","expect":"\#(digest)"}"#
            return reviewer.post("/v1/actions/\(id)/decisions", Array(decision.utf8))
        case .decided:
            guard let answer else { return nil }
            try answer.expect(200, "decide")
            context.record("cycle 2 decide")
            nonce.refresh(&random)
            step = .claimed
            let claim = #"{"nonce":"\#(nonce.digits(at: 0))"}"#
            return agent.post("/v1/actions/\(id)/claim", Array(claim.utf8))
        case .claimed:
            guard let answer else { return nil }
            try answer.expect(200, "claim")
            context.record("cycle 3 claim")
            step = .reported
            let outcome =
                #"{"exitCode":0,"nonce":"\#(nonce.digits(at: 0))","status":"succeeded"}"#
            return agent.post("/v1/actions/\(id)/outcome", Array(outcome.utf8))
        case .reported:
            guard let answer else { return nil }
            try answer.expect(200, "outcome")
            context.record("cycle 4 outcome")
            context.measurements.record("cycle", context.now - began)
            return begin(context)
        }
    }

    private func begin(_ context: ScriptContext) -> ByteBuffer? {
        guard !context.measurements.isOver else { return nil }
        body.refresh(&random)
        agent = agents.take()
        began = context.now
        step = .submitted
        return agent.post("/v1/actions", body.bytes)
    }
}
