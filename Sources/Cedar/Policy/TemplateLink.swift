// SPDX-License-Identifier: Apache-2.0

/// The making of a policy from a template.
public struct TemplateLink: Sendable, Hashable {
    /// The template.
    public let templateID: String
    /// The id of the policy that is made.
    public let newID: String
    /// An entity for each slot of the template, and for no other.
    public let values: [Template.Slot: EntityUID]

    /// Names a template, the policy to make and the entities for its slots.
    public init(templateID: String, newID: String, values: [Template.Slot: EntityUID]) {
        self.templateID = templateID
        self.newID = newID
        self.values = values
    }
}

/// Why a template cannot be linked.
public struct LinkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    public enum Kind: Sendable, Hashable {
        /// There is no template of that id.
        case unknownTemplate
        /// There is a policy or template of the new id already.
        case duplicateID
        /// The template has a slot that the link does not fill.
        case missingSlot(Template.Slot)
        /// The link fills a slot that the template does not have.
        case unknownSlot(Template.Slot)
        /// The set would have more policies than ``PolicyLimits/maximumPolicies``.
        case tooManyPolicies(Int)
    }

    /// The link.
    public let link: TemplateLink
    /// What is wrong.
    public let kind: Kind

    /// One lowercase line.
    public var description: String {
        let name = link.newID.cedarEscaped
        let template = link.templateID.cedarEscaped
        return switch kind {
        case .unknownTemplate: "cannot link `\(name)`: there is no template `\(template)`"
        case .duplicateID: "cannot link `\(name)`: there is a policy of that id already"
        case .missingSlot(let slot):
            "cannot link `\(name)`: template `\(template)` needs a value for `\(slot.rawValue)`"
        case .unknownSlot(let slot):
            "cannot link `\(name)`: template `\(template)` has no slot `\(slot.rawValue)`"
        case .tooManyPolicies(let limit):
            "cannot link `\(name)`: the set would have more than \(limit) policies"
        }
    }
}

extension PolicySet {
    /// This set with policies made from its templates.
    ///
    /// - Parameters:
    ///   - links: what to make; each id must be new.
    ///   - limits: how many policies the set may have.
    /// - Returns: a set with one more policy for each link, behind those that are there.
    /// - Throws: ``LinkError`` for the first link that cannot be made.
    public func linking(
        _ links: [TemplateLink], limits: PolicyLimits = .init()
    ) throws(LinkError) -> PolicySet {
        var linked: [Policy] = []
        var taken: Set<ByteKey> = []
        let byID = Dictionary(
            templates.map { (ByteKey($0.id), $0) }, uniquingKeysWith: { first, _ in first })
        for link in links {
            guard policies.count + templates.count + linked.count < limits.maximumPolicies else {
                throw LinkError(link: link, kind: .tooManyPolicies(limits.maximumPolicies))
            }
            guard let template = byID[ByteKey(link.templateID)] else {
                throw LinkError(link: link, kind: .unknownTemplate)
            }
            guard self[link.newID] == nil, byID[ByteKey(link.newID)] == nil,
                taken.insert(ByteKey(link.newID)).inserted
            else { throw LinkError(link: link, kind: .duplicateID) }
            for slot in Template.Slot.allCases {
                switch (template.slots.contains(slot), link.values[slot] != nil) {
                case (true, false): throw LinkError(link: link, kind: .missingSlot(slot))
                case (false, true): throw LinkError(link: link, kind: .unknownSlot(slot))
                case (true, true), (false, false): break
                }
            }
            linked.append(Policy(template, link: link))
        }
        return adding(linked)
    }

    /// The template of that id.
    public func template(id: String) -> Template? {
        templates.first { Bytes.equal($0.id, id) }
    }
}
