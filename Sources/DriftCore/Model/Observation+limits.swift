// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import TransparencyLog

extension Observation {
    /// Without the documents that are too much to be compared, kept and shown; each is a gap.
    ///
    /// What comes in here can be stored and read back, and an entry about it can be written.
    ///
    /// - Throws: ``DriftError`` where the rest is no snapshot.
    package func bounded() throws(DriftError) -> Observation {
        guard let snapshot else { return self }
        let problems = snapshot.leaves.compactMap { leaf in
            leaf.problem.map {
                CoverageGap(subject: leaf.subject, cause: .tooLarge, detail: $0)
            }
        }
        guard !problems.isEmpty else { return self }
        let bad = Set(problems.compactMap(\.subject).map(ByteKey.init))
        let kept = snapshot.leaves.filter { !bad.contains(ByteKey($0.subject)) }
        let told = Array(problems.prefix(DriftLimits.gaps))
        let rest =
            problems.count == told.count
            ? []
            : [
                CoverageGap(
                    subject: nil, cause: .tooLarge,
                    detail: "\(problems.count - told.count) more documents are too large")
            ]
        return Observation(
            started: started, ended: ended, snapshot: try Snapshot(kept),
            gaps: gaps + told + rest)
    }
}

extension Leaf {
    /// Shorter ones have neither long names nor deep nesting.
    private static let surelyBounded = 512

    /// Why the document is too much; nil where it is not.
    fileprivate var problem: String? {
        guard document.count > Self.surelyBounded else { return nil }
        guard document.count <= DriftLimits.documentBytes else {
            return "its document has \(document.count) bytes: at most \(DriftLimits.documentBytes)"
        }
        guard let json = try? json() else { return "its document is not canonical JSON" }
        return json.excess(depth: DriftLimits.documentDepth)
    }
}

extension JSON {
    /// What of it is too long or too deep; nil where nothing is.
    fileprivate func excess(depth: Int) -> String? {
        switch self {
        case .null, .bool, .number, .string: return nil
        case .array(let elements):
            guard depth > 0 else { return "more than \(DriftLimits.documentDepth) levels" }
            for element in elements {
                if let excess = element.excess(depth: depth - 1) { return excess }
            }
            return nil
        case .object(let object):
            guard depth > 0 else { return "more than \(DriftLimits.documentDepth) levels" }
            for (name, value) in object {
                guard name.utf8.count <= DriftLimits.nameBytes else {
                    return "a member's name has \(name.utf8.count) bytes: at most "
                        + "\(DriftLimits.nameBytes)"
                }
                if let excess = value.excess(depth: depth - 1) { return excess }
            }
            return nil
        }
    }
}

extension String {
    /// Itself, or where it is long its beginning and the digest of all of it.
    package var shortened: String {
        let limit = 1_024
        guard utf8.count > limit else { return self }
        var beginning = ""
        for character in unicodeScalars {
            guard beginning.utf8.count < limit - 80 else { break }
            beginning.unicodeScalars.append(character)
        }
        return beginning + "… sha256:" + Hash256.sha256(Array(utf8)).hex
    }
}
