// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
internal import ExequaturClient

/// Looks at what a command says it will change, right before and right after it runs.
///
/// Only at effects that are declared as `observed`, whose values nobody could say before. What else
/// changes on the machine between the two looks counts as the command's, which is why such effects
/// are labelled.
public struct EffectObserver: Sendable {
    private let look: @Sendable (String) -> JSON?

    /// - Parameter look: gives the document of a subject, such as `file:/etc/app.conf`; nil where
    ///   there is none now.
    public init(_ look: @escaping @Sendable (String) -> JSON?) { self.look = look }

    /// The documents now, one for each effect of the operation that is to be observed.
    func documents(_ operation: FrozenOperation) -> [Int: JSON] {
        var found: [Int: JSON] = [:]
        for (number, effect) in (operation.json["effects"]?.arrayValue ?? []).enumerated()
        where effect["observed"]?.boolValue == true {
            found[number] = effect["subject"]?.stringValue.flatMap(look) ?? .null
        }
        return found
    }

    /// What changed between two looks, as an outcome reports it.
    static func changes(_ before: [Int: JSON], _ after: [Int: JSON]) -> [JSON] {
        before.keys.sorted().compactMap { number in
            guard let old = before[number], let new = after[number], old != new else { return nil }
            return ["after": new, "before": old, "number": .int(Int64(number))]
        }
    }
}
