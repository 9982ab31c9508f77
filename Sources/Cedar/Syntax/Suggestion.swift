// SPDX-License-Identifier: Apache-2.0

/// Finds what somebody likely meant.
enum Suggestion {
    /// Longer texts and lists are not looked at: a hint is not worth seconds.
    private static let longest = 64
    private static let most = 10_000

    /// The text with the fewest differences, if it is close; of several the first in order.
    static func nearest(to text: String, among candidates: some Collection<String>) -> String? {
        let wanted = Array(text.utf8)
        guard (1...longest).contains(wanted.count), candidates.count <= most else { return nil }
        let allowed = max(1, wanted.count / 3)
        var best: (text: String, distance: Int)?
        for candidate in candidates {
            let bytes = Array(candidate.utf8)
            guard abs(bytes.count - wanted.count) <= allowed else { continue }
            let distance = distance(wanted, bytes)
            guard distance <= allowed, distance > 0 else { continue }
            if let best, (best.distance, best.text) <= (distance, candidate) { continue }
            best = (candidate, distance)
        }
        return best?.text
    }

    /// The number of bytes to insert, take out or replace (Levenshtein).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (place, one) in left.enumerated() {
            var diagonal = row[0]
            row[0] = place + 1
            for (other, two) in right.enumerated() {
                let cost = one == two ? diagonal : diagonal + 1
                diagonal = row[other + 1]
                row[other + 1] = min(cost, row[other] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
