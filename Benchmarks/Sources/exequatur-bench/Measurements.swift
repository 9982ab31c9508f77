// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import NIOCore

/// Latencies and errors of a run; lives on the event loop.
final class Measurements {
    struct Failure: Error {
        var text: String
    }

    private var samples: [String: [Int64]] = [:]
    private(set) var errors: [String: Int] = [:]
    /// Called with every failure; a run that cannot go on without everybody ends then.
    var onFailure: (String) -> Void = { _ in }
    private var measuring = false
    private(set) var isOver = false

    func begin() { measuring = true }

    func end() {
        measuring = false
        isOver = true
    }

    func record(_ name: String, _ elapsed: TimeAmount) {
        guard measuring else { return }
        samples[name, default: []].append(elapsed.nanoseconds)
    }

    func fail(_ text: String) {
        errors[text, default: 0] += 1
        onFailure(text)
    }

    /// What was measured; without `seconds` where a rate has no meaning.
    func results(seconds: Double?) -> [Result] {
        samples.keys.sorted().map { name in
            Result(name: name, nanoseconds: (samples[name] ?? []).sorted(), seconds: seconds)
        }
    }

    struct Result {
        let name: String
        let count: Int
        let rate: Double?
        private let sorted: [Int64]

        init(name: String, nanoseconds: [Int64], seconds: Double?) {
            self.name = name
            count = nanoseconds.count
            sorted = nanoseconds
            rate = seconds.map { Double(nanoseconds.count) / $0 }
        }

        /// Microseconds at a quantile in thousandths.
        func microseconds(_ thousandths: Int) -> Int64 {
            guard !sorted.isEmpty else { return 0 }
            return sorted[min(sorted.count - 1, sorted.count * thousandths / 1000)] / 1000
        }

        var json: JSON {
            var object: JSONObject = [
                "count": .number(JSONNumber(Int64(count))),
                "p50us": .number(JSONNumber(microseconds(500))),
                "p99us": .number(JSONNumber(microseconds(990))),
                "p999us": .number(JSONNumber(microseconds(999))),
            ]
            if let rate { object["perSecond"] = .number(JSONNumber(Int64(rate.rounded()))) }
            return .object(object)
        }

        var line: String {
            let rate = self.rate.map { "\(Int64($0.rounded()))/s" } ?? "\(count) samples"
            return "\(name): \(rate), p50 \(microseconds(500)) us, p99 \(microseconds(990)) us,"
                + " p99.9 \(microseconds(999)) us"
        }
    }
}
