// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
public import CanonicalJSON
internal import ExequaturClient

/// Looks at what a command says it will change, right before and right after it runs.
///
/// Only at effects that are declared as `observed`, whose values nobody could say before. What else
/// changes on the machine between the two looks counts as the command's, which is why such effects
/// are labelled.
public struct EffectObserver: Sendable {
    /// What a look at one subject came to.
    public enum Found: Sendable {
        /// What is there.
        case document(JSON)
        /// Nothing is there.
        case absent
        /// It could not be looked at, so that nothing can be said of it.
        case unknown
    }

    private let host: String
    private let look: @Sendable (String) -> Found

    /// Makes an observer.
    /// - Parameters:
    ///   - host: the scope of what it can look at; effects of another scope are somewhere else.
    ///   - look: looks at a subject, such as `file:/etc/app.conf`.
    public init(host: String, _ look: @escaping @Sendable (String) -> Found) {
        self.host = host
        self.look = look
    }

    /// The documents now, one for each effect of the operation that is to be observed and could be.
    func documents(_ operation: FrozenOperation) -> [Int: JSON] {
        var found: [Int: JSON] = [:]
        for (number, effect) in (operation.json["effects"]?.arrayValue ?? []).enumerated()
        where effect["observed"]?.boolValue == true {
            guard let subject = effect["subject"]?.stringValue,
                effect["scope"]?.stringValue?.utf8.elementsEqual(host.utf8) == true
            else { continue }
            switch look(subject) {
            case .document(let document): found[number] = document
            case .absent: found[number] = .null
            case .unknown: break
            }
        }
        return found
    }

    /// The subjects that are to be observed and that a look could not see.
    func unseen(_ operation: FrozenOperation, _ looks: [Int: JSON]...) -> [String] {
        (operation.json["effects"]?.arrayValue ?? []).enumerated().compactMap { number, effect in
            guard effect["observed"]?.boolValue == true,
                !looks.allSatisfy({ $0[number] != nil })
            else { return nil }
            return effect["subject"]?.stringValue
        }
    }

    /// As many of the changes, from the first on, as a report may carry.
    static func fitting(_ changes: [JSON]) -> [JSON] {
        var bytes = 2
        return Array(
            changes.prefix { change in
                bytes += 1 + ((try? change.canonicalBytes().count) ?? Limits.observedEffectBytes)
                return bytes <= Limits.observedEffectBytes
            })
    }

    /// What changed between two looks, as an outcome reports it; what one of them could not see is
    /// not claimed.
    static func changes(_ before: [Int: JSON], _ after: [Int: JSON]) -> [JSON] {
        before.keys.sorted().compactMap { number in
            guard let old = before[number], let new = after[number], old != new else { return nil }
            return ["after": new, "before": old, "number": .int(Int64(number))]
        }
    }
}
