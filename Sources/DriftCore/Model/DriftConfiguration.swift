// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import TransparencyLog

/// Which sources are watched and what is ignored of them: enforcement logic.
package struct DriftConfiguration: Sendable, Hashable {
    package private(set) var sources: [Handle: DriftSource] = [:]
    package private(set) var ignoreRules: [Handle: IgnoreRule] = [:]

    package init() {}

    /// One change, which is one ledger entry.
    package enum Change: Sendable, Hashable {
        /// Adds a source, or replaces the one of this name.
        case sourceSet(DriftSource)
        case sourceRemoved(Handle)
        case ignoreRuleSet(IgnoreRule)
        case ignoreRuleRemoved(Handle)
    }

    /// Carries out a change.
    ///
    /// - Throws: ``DriftError`` where it is not possible; nothing is changed then.
    package mutating func apply(_ change: Change) throws(DriftError) {
        switch change {
        case .sourceSet(let source):
            guard sources[source.id] != nil || sources.count < DriftLimits.sources else {
                throw DriftError("there are \(DriftLimits.sources) sources already: remove one")
            }
            // Another kind would give what was approved of the source another meaning.
            if let old = sources[source.id], old.kind != source.kind {
                throw DriftError(
                    "source `\(source.id)` is of kind `\(old.kind.rawValue)`: remove it first")
            }
            // Of two that could show one effect, one would have to miss it.
            if source.kind != .files,
                let other = sources.values.first(where: {
                    $0.id != source.id && $0.kind == source.kind
                        && $0.scope.utf8.elementsEqual(source.scope.utf8)
                })
            {
                throw DriftError(
                    "source `\(other.id)` is of this kind and scope already: give this one another "
                        + "scope")
            }
            sources[source.id] = source
        case .sourceRemoved(let id):
            guard let source = sources[id] else { throw DriftError("there is no source `\(id)`") }
            guard source.kind != .exequatur else {
                throw DriftError("source `\(id)`: nobody stops watching this server's own rules")
            }
            sources[id] = nil
        case .ignoreRuleSet(let rule):
            guard ignoreRules[rule.id] != nil || ignoreRules.count < DriftLimits.ignoreRules
            else {
                throw DriftError(
                    "there are \(DriftLimits.ignoreRules) ignore rules already: remove one")
            }
            if let source = rule.source {
                guard let found = sources[source] else {
                    throw DriftError("ignore rule `\(rule.id)`: there is no source `\(source)`")
                }
                guard found.kind != .exequatur else {
                    throw DriftError(
                        "ignore rule `\(rule.id)`: nothing of this server's own rules is ignored")
                }
            }
            ignoreRules[rule.id] = rule
        case .ignoreRuleRemoved(let id):
            guard ignoreRules.removeValue(forKey: id) != nil else {
                throw DriftError("there is no ignore rule `\(id)`")
            }
        }
    }

    package var json: JSON {
        [
            "ignoreRules": .array(
                ignoreRules.values.sorted { $0.id < $1.id }.map(\.json)),
            "sources": .array(sources.values.sorted { $0.id < $1.id }.map(\.json)),
        ]
    }

    /// SHA-256 of the canonical form.
    package func digest() throws -> Hash256 { .sha256(try json.canonicalBytes()) }
}

extension DriftConfiguration.Change {
    package init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        switch try reader.string("type") {
        case "source_set":
            self = .sourceSet(
                try DriftSource(try reader.value("source"), path: "\(path).source"))
        case "source_removed": self = .sourceRemoved(try reader.handle("source"))
        case "ignore_rule_set":
            self = .ignoreRuleSet(try IgnoreRule(try reader.value("rule"), path: "\(path).rule"))
        case "ignore_rule_removed": self = .ignoreRuleRemoved(try reader.handle("rule"))
        default: throw DriftError("`\(path).type`: unknown change")
        }
        try reader.finish()
    }

    package var json: JSON {
        switch self {
        case .sourceSet(let source): ["source": source.json, "type": "source_set"]
        case .sourceRemoved(let id): ["source": .string(id.text), "type": "source_removed"]
        case .ignoreRuleSet(let rule): ["rule": rule.json, "type": "ignore_rule_set"]
        case .ignoreRuleRemoved(let id):
            ["rule": .string(id.text), "type": "ignore_rule_removed"]
        }
    }
}

/// The core of a `drift.configured` entry: one change, and the digest of all after it.
package struct DriftConfigurationEntry: Sendable, Hashable {
    package static let kind = "drift.configured"
    package static let ref = "drift"

    package let change: DriftConfiguration.Change
    package let by: String
    package let configuration: Hash256
    package let unsealed: Bool

    package init(
        change: DriftConfiguration.Change, by: String, configuration: Hash256, unsealed: Bool
    ) {
        self.change = change
        self.by = by
        self.configuration = configuration
        self.unsealed = unsealed
    }

    /// Reads a core; an unknown version, kind or member is refused.
    package init(core: JSON) throws {
        var reader = try JSONReader(core, path: "core")
        guard try reader.int("v") == 1, try reader.string("kind") == Self.kind else {
            throw DriftError("`core`: unknown version or kind")
        }
        change = try DriftConfiguration.Change(try reader.value("change"), path: "core.change")
        by = try reader.string("by")
        configuration = try reader.hash("configuration")
        unsealed = try reader.bool("unsealed")
        try reader.finish()
    }

    package var core: JSON {
        [
            "by": .string(by), "change": change.json, "configuration": .string(configuration.hex),
            "kind": .string(Self.kind), "unsealed": .bool(unsealed), "v": 1,
        ]
    }
}
