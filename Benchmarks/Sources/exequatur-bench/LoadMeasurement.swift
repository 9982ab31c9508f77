// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import NIOCore
internal import NIOPosix

/// A closed loop of connections for a fixed time, after one second that does not count.
struct LoadMeasurement: Sendable {
    let loop: LoadLoop
    let fixture: LoadFixture
    let scenario: HTTPLoad.Scenario
    let connections: Int
    let seconds: Int

    func run() throws -> LoadReport {
        try loop.loop.flatSubmit { self.start() }.wait()
    }

    private func start() -> EventLoopFuture<LoadReport> {
        let measurements = Measurements()
        var seeds = SystemRandomNumberGenerator()
        let handlers = (0..<connections).map { index in
            LoadConnection(script: script(index, seed: seeds.next()), measurements: measurements)
        }
        let bound = NIOLoopBound(measurements, eventLoop: loop.loop)
        let warmUp = TimeAmount.seconds(1)
        let measured = TimeAmount.seconds(Int64(seconds))
        return loop.connect(handlers).flatMap {
            self.loop.loop.scheduleTask(in: warmUp) { bound.value.begin() }.futureResult
        }.flatMap {
            self.loop.loop.scheduleTask(in: measured) { bound.value.end() }.futureResult
        }.map {
            self.report(bound.value)
        }
    }

    private func script(_ index: Int, seed: UInt64) -> any Script {
        switch scenario {
        case .bare: BareScript(fixture, seed: seed)
        case .allowed: AllowedScript(fixture, index: index, seed: seed)
        case .cycle, .release: CycleScript(fixture, index: index, seed: seed)
        }
    }

    private func report(_ measurements: Measurements) -> LoadReport {
        let results = measurements.results(seconds: Double(seconds))
        var errors = measurements.errors
        if results.isEmpty { errors["nothing was measured", default: 0] += 1 }
        return LoadReport(
            scenario: scenario.rawValue, connections: connections,
            results: results.map { ($0.name, $0.line, $0.json) }, errors: errors)
    }
}

/// The `release` scenario: everybody submits and waits, then one decision after the other.
struct ReleaseMeasurement: Sendable {
    /// Waiting requests reach the server and its memory settles before anything is measured.
    private static let settling = TimeAmount.seconds(1)
    private static let limit = TimeAmount.seconds(300)

    let loop: LoadLoop
    let fixture: LoadFixture
    let waiters: Int
    let pid: Int?

    func run() throws -> LoadReport {
        try loop.loop.flatSubmit { self.start() }.wait()
    }

    private func start() -> EventLoopFuture<LoadReport> {
        let measurements = Measurements()
        let finished = loop.loop.makePromise(of: Void.self)
        let run = ReleaseRun(expected: waiters, finished: finished)
        measurements.onFailure = { finished.fail(Measurements.Failure(text: $0)) }
        let before = residentBytes()
        let decider = LoadConnection(
            script: DeciderScript(fixture, run: run), measurements: measurements)
        var seeds = SystemRandomNumberGenerator()
        let callers = (0..<waiters).map { index in
            LoadConnection(
                script: WaiterScript(fixture, run: run, index: index, seed: seeds.next()),
                measurements: measurements)
        }
        let state = NIOLoopBound(
            State(run: run, measurements: measurements, decider: decider), eventLoop: loop.loop)
        let memory = NIOLoopBoundBox<Int64?>(nil, eventLoop: loop.loop)
        run.everybodyWaits = { [loop, self] in
            loop.loop.scheduleTask(in: Self.settling) {
                memory.value = self.growth(since: before)
                let state = state.value
                state.measurements.begin()
                state.run.progress = { state.decider.resume() }
                state.decider.resume()
            }
        }
        loop.loop.scheduleTask(in: Self.limit) {
            finished.fail(Measurements.Failure(text: "release: took too long"))
        }
        return loop.connect([decider] + callers).flatMap { finished.futureResult }
            .map { self.report(state.value.measurements, memory: memory.value) }
            .flatMapError { error in
                state.value.measurements.onFailure = { _ in }
                if state.value.measurements.errors.isEmpty {
                    state.value.measurements.fail("\(error)")
                }
                return self.loop.loop.makeSucceededFuture(
                    self.report(state.value.measurements, memory: nil))
            }
    }

    private struct State {
        let run: ReleaseRun
        let measurements: Measurements
        let decider: LoadConnection
    }

    private func report(_ measurements: Measurements, memory: Int64?) -> LoadReport {
        measurements.end()
        return LoadReport(
            scenario: "release", connections: waiters,
            results: measurements.results(seconds: nil).map { ($0.name, $0.line, $0.json) },
            errors: measurements.errors,
            extra: memory.map { [("bytesPerWaiter", $0)] } ?? [])
    }

    private func growth(since before: Int64?) -> Int64? {
        guard let before, let now = residentBytes() else { return nil }
        return (now - before) / Int64(waiters)
    }

    /// `VmRSS` of the server.
    private func residentBytes() -> Int64? {
        guard let pid,
            let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let kilobytes = line?.split(separator: " ").dropLast().last.flatMap { Int64($0) }
        return kilobytes.map { $0 * 1024 }
    }
}
