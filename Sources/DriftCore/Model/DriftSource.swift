// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import TransparencyLog

/// How bad it is when something of a source deviates; see ``DriftSeverity``.
package enum AssetClass: String, Sendable, Hashable, CaseIterable, Comparable {
    case low, medium, high, critical

    package static func < (a: AssetClass, b: AssetClass) -> Bool {
        (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
    }
}

/// What is watched, and how: enforcement logic, changed by administrators only.
package struct DriftSource: Sendable, Hashable {
    /// Which collector reads it; what it wants in ``settings`` is documented with it.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Files and folders with their attributes, and fields of structured files.
        case files
        case postgresql
        /// What `terraform show -json` or `tofu show -json` wrote into a file.
        case terraform
        /// A JSON document behind an address.
        case http
        /// What a program writes as JSON.
        case exec
        /// The tools, prompts and resources of an MCP server.
        case mcp
        /// This server's own policies, directory, gates, ignore rules, sources and keys.
        case exequatur
    }

    package let id: Handle
    package let kind: Kind
    /// Where its subjects are: a host, a cluster.
    ///
    /// Effects that actions declare name it too.
    package let scope: String
    /// Seconds between two observations.
    package let every: Int64
    package let assetClass: AssetClass
    /// What the collector wants to know.
    package let settings: JSONObject
    /// How lists in the documents are compared.
    package let lists: ListSemantics
    /// JSONPath expressions (RFC 9535) of values that must not leave the collector.
    package let secrets: [String]
    /// Consecutive observations that must agree before a deviation is told.
    package let stability: Int64
    /// The gate that observes it, or nil where this server does.
    package let observer: Handle?

    package init(
        id: Handle, kind: Kind, scope: String, every: Int64, assetClass: AssetClass,
        settings: JSONObject, lists: ListSemantics = ListSemantics(), secrets: [String] = [],
        stability: Int64 = 1, observer: Handle? = nil
    ) throws(DriftError) {
        guard
            (DriftLimits.shortestCadenceSeconds...DriftLimits.longestCadenceSeconds)
                .contains(every)
        else {
            throw DriftError("source `\(id)`: `every` must be from 1 second to 7 days")
        }
        guard !scope.isEmpty, scope.utf8.count <= 255 else {
            throw DriftError("source `\(id)`: `scope` must have 1 to 255 bytes")
        }
        guard (1...10).contains(stability) else {
            throw DriftError("source `\(id)`: `stability` must be from 1 to 10 observations")
        }
        self.id = id
        self.kind = kind
        self.scope = scope
        self.every = every
        self.assetClass = assetClass
        self.settings = settings
        self.lists = lists
        self.secrets = secrets
        self.stability = stability
        self.observer = observer
    }

    /// Reads one; unknown members are refused.
    package init(_ json: JSON, path: String = "source") throws {
        var reader = try JSONReader(json, path: path)
        let id = try reader.handle("id")
        let kind = try reader.choice("kind", Kind.self)
        let scope = try reader.string("scope")
        let every = try reader.int("every")
        let assetClass = try reader.choice("class", AssetClass.self)
        guard case .object(let settings) = try reader.value("settings") else {
            throw DriftError("`\(path).settings`: expected an object")
        }
        let lists = try ListSemantics(reader.optionalArray("lists") ?? [], path: "\(path).lists")
        let secrets = try reader.optionalStrings("secrets") ?? []
        for secret in secrets { _ = try JSONPath(secret) }
        let stability = try reader.optionalInt("stability") ?? 1
        let observer = try reader.optionalHandle("observer")
        try reader.finish()
        try self.init(
            id: id, kind: kind, scope: scope, every: every, assetClass: assetClass,
            settings: settings, lists: lists, secrets: secrets, stability: stability,
            observer: observer)
    }

    /// The names in ``json``.
    package static let members = [
        "class", "every", "id", "kind", "lists", "observer", "scope", "secrets", "settings",
        "stability",
    ]

    package var json: JSON {
        [
            "class": .string(assetClass.rawValue), "every": .integer(every),
            "id": .string(id.text), "kind": .string(kind.rawValue), "lists": lists.json,
            "observer": .optional(observer), "scope": .string(scope),
            "secrets": .array(secrets.map(JSON.string)), "settings": .object(settings),
            "stability": .integer(stability),
        ]
    }

    /// SHA-256 of the canonical form; observations name it, so that it is known by which settings
    /// something was seen.
    package var digest: Hash256 {
        get throws { .sha256(try json.canonicalBytes()) }
    }
}
