// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

extension Sweep {
    private struct GapKey: Hashable {
        let subject: ByteKey?
        let cause: CoverageGap.Cause

        init(_ gap: CoverageGap) {
            subject = gap.subject.map(ByteKey.init)
            cause = gap.cause
        }
    }

    /// Opens, keeps and closes gaps.
    ///
    /// A gap ends when its subject was seen: not by an observation that failed or that says
    /// itself that it has not seen everything.
    mutating func updateGaps() {
        var incoming: [GapKey: CoverageGap] = [:]
        var order: [CoverageGap] = []
        for gap in observation.gaps where incoming[GapKey(gap)] == nil {
            guard order.count < DriftLimits.gaps else { break }
            incoming[GapKey(gap)] = gap
            order.append(gap)
        }
        if order.count == DriftLimits.gaps, observation.gaps.count > order.count {
            let rest = CoverageGap(
                subject: nil, cause: .tooLarge,
                detail: "\(observation.gaps.count) gaps, more than are told apart")
            if incoming[GapKey(rest)] == nil {
                incoming[GapKey(rest)] = rest
                order.append(rest)
            }
        }
        let unseen = UnseenSubjects(order)
        var kept: [OpenGap] = []
        for var open in machine.gaps {
            if let same = incoming.removeValue(forKey: GapKey(open.gap)) {
                open.hits += 1
                remind(&open, same)
                kept.append(open)
            } else if open.gap.cause != .silent, isStillOpen(open.gap, unseen) {
                kept.append(open)
            } else {
                report.gapsClosed.append(open)
            }
        }
        machine.gaps = kept
        for gap in order where incoming[GapKey(gap)] != nil { openGap(gap) }
    }

    private func isStillOpen(_ gap: CoverageGap, _ unseen: UnseenSubjects) -> Bool {
        guard let subject = gap.subject else { return observation.status == .failed }
        return observation.status == .failed || unseen.contains(subject)
    }

    private mutating func remind(_ open: inout OpenGap, _ gap: CoverageGap) {
        guard open.told.adding(seconds: DriftLimits.reminderSeconds) <= now else { return }
        open.told = now
        report.alerts.append(machine.alert(gap))
    }

    private mutating func openGap(_ gap: CoverageGap) {
        // What an earlier gap hid was last seen before that one.
        var seen = machine.lastSeen
        for earlier in earlierGaps {
            let hides = gap.subject.map { UnseenSubjects([earlier.gap]).contains($0) }
            if hides ?? (earlier.gap.subject == nil) { seen = Self.earlier(seen, earlier.lastSeen) }
        }
        let open = OpenGap(
            gap: gap, since: observation.started, lastSeen: seen, hits: 1, told: now)
        machine.gaps.append(open)
        report.gapsOpened.append(open)
        report.alerts.append(machine.alert(gap))
    }

    private static func earlier(_ a: Timestamp?, _ b: Timestamp?) -> Timestamp? {
        guard let a, let b else { return nil }
        return min(a, b)
    }
}
