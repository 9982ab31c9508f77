// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Many callers wait for their decisions: how soon after a decision was sent its caller knows.
///
/// One decision is under way at a time, so that what is measured is the way from the reviewer's
/// request to the waiter's answer and not a queue.
final class ReleaseRun {
    /// A caller that submitted and waits now.
    struct Waiter {
        var id: String
        var digest: String
        var decidedAt: NIODeadline?
    }

    let expected: Int
    let finished: EventLoopPromise<Void>
    private(set) var waiters: [Waiter] = []
    /// Called once everybody waits.
    var everybodyWaits: () -> Void = {}
    /// Called when a caller was released or a decision answered.
    var progress: () -> Void = {}
    private(set) var released = 0

    init(expected: Int, finished: EventLoopPromise<Void>) {
        self.expected = expected
        self.finished = finished
    }

    func waits(id: String, digest: String) -> Int {
        waiters.append(Waiter(id: id, digest: digest))
        if waiters.count == expected { everybodyWaits() }
        return waiters.count - 1
    }

    func decided(_ index: Int, at now: NIODeadline) { waiters[index].decidedAt = now }

    func release(_ index: Int, context: ScriptContext) throws {
        guard let decidedAt = waiters[index].decidedAt else {
            throw Measurements.Failure(text: "release: a caller was released without a decision")
        }
        context.measurements.record("release", context.now - decidedAt)
        released += 1
        progress()
    }
}

/// Submits one action and waits for it.
final class WaiterScript: Script {
    private enum Step { case start, submitted, waiting, done }

    private let run: ReleaseRun
    private let writer: RequestWriter
    private var body: BodyTemplate
    private var step = Step.start
    private var index = 0
    private var path = ""

    init(_ fixture: LoadFixture, run: ReleaseRun, index: Int, seed: UInt64) {
        self.run = run
        var agents = fixture.agents(startingAt: index)
        writer = agents.take()
        body = fixture.uniqueSubmission()
        var random = SplitMix64(seed: seed)
        body.refresh(&random)
    }

    func next(after answer: Answer?, context: ScriptContext) throws -> ByteBuffer? {
        switch step {
        case .start:
            step = .submitted
            return writer.post("/v1/actions", body.bytes)
        case .submitted:
            guard let answer else { return nil }
            try answer.expect(201, "submit")
            let id = try answer.required("id")
            path = "/v1/actions/\(id)?wait=55s"
            index = run.waits(id: id, digest: try answer.required("digest"))
            step = .waiting
            return writer.get(path)
        case .waiting:
            guard let answer else { return nil }
            try answer.expect(200, "wait")
            guard try answer.required("state") != "pending" else { return writer.get(path) }
            step = .done
            try run.release(index, context: context)
            return nil
        case .done:
            return nil
        }
    }
}

/// Approves the waiting actions one after the other.
final class DeciderScript: Script {
    private let run: ReleaseRun
    private let writer: RequestWriter
    private var started = false
    private var next = 0
    private var answered = 0

    init(_ fixture: LoadFixture, run: ReleaseRun) {
        self.run = run
        writer = fixture.reviewer
    }

    func next(after answer: Answer?, context: ScriptContext) throws -> ByteBuffer? {
        if let answer {
            try answer.expect(200, "decide")
            context.record("decide")
            answered += 1
        }
        guard started else {
            started = true  // the connection is open; deciding begins when everybody waits
            return nil
        }
        // The next decision leaves when this one was answered and its caller released.
        guard answered == next, run.released == next else { return nil }
        guard next < run.waiters.count else {
            run.finished.succeed()
            return nil
        }
        let waiter = run.waiters[next]
        run.decided(next, at: .now())
        next += 1
        let body = #"{"decision":"approve","expect":"\#(waiter.digest)"}"#
        return writer.post("/v1/actions/\(waiter.id)/decisions", Array(body.utf8))
    }
}
