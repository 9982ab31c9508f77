// SPDX-License-Identifier: Apache-2.0

/// Finds what somebody likely meant.
///
/// A hint is not worth seconds: long texts and lists are not looked at.
package enum Suggestion {
    /// The names that are compared; with more there is no suggestion.
    static let mostCandidates = 2_000
    /// The errors in one text that get a suggestion.
    static let mostInOneText = 100
    /// The bytes of a name that is compared.
    private static let longest = 64

    /// The text with the fewest differences, if it is close; of several the first in order.
    package static func nearest(
        to text: String, among candidates: some Collection<String>
    ) -> String? {
        let wanted = Array(text.utf8.prefix(longest + 1))
        guard (1...longest).contains(wanted.count), candidates.count <= mostCandidates else {
            return nil
        }
        let letters = Letters(wanted)
        var allowed = max(1, wanted.count / 3)
        var best: (text: String, distance: Int)?
        for candidate in candidates {
            guard abs(candidate.utf8.count - wanted.count) <= allowed else { continue }
            let bytes = Array(candidate.utf8)
            guard letters.difference(Letters(bytes)) <= 2 * allowed,
                let distance = distance(wanted, bytes, upTo: allowed), distance > 0
            else { continue }
            if let best, best.distance == distance, !Bytes.precedes(candidate, best.text) {
                continue
            }
            best = (candidate, distance)
            allowed = distance
        }
        return best?.text
    }

    /// The number of bytes to insert, take out, replace or swap with the next one, each byte at
    /// most once (optimal string alignment); `nil` where it is more than the limit.
    private static func distance(_ left: [UInt8], _ right: [UInt8], upTo limit: Int) -> Int? {
        var before: [Int] = []
        var last = Array(0...right.count)
        for (place, one) in left.enumerated() {
            var row = [place + 1]
            row.reserveCapacity(right.count + 1)
            for (other, two) in right.enumerated() {
                var cost = min(
                    last[other] + (one == two ? 0 : 1), last[other + 1] + 1, row[other] + 1)
                if place > 0, other > 0, one == right[other - 1], left[place - 1] == two {
                    cost = min(cost, before[other - 1] + 1)
                }
                row.append(cost)
            }
            guard row.contains(where: { $0 <= limit }) else { return nil }
            (before, last) = (last, row)
        }
        return last[right.count] <= limit ? last[right.count] : nil
    }

    /// How often each byte is in a name; a quick way to see that two names are far apart.
    private struct Letters {
        private var counts = [Int8](repeating: 0, count: 256)

        /// Of names no longer than are compared, or a third longer than those.
        init(_ bytes: [UInt8]) {
            for byte in bytes where counts[Int(byte)] < .max { counts[Int(byte)] += 1 }
        }

        /// Each edit changes at most two counts.
        func difference(_ other: Letters) -> Int {
            zip(counts, other.counts).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        }
    }
}
