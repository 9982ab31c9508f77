// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// What `terraform show -json` or `tofu show -json` writes of a state or a plan.
///
/// Of a plan the state that was found before it counts (`prior_state`, refreshed): what is planned
/// is no state. Format 1 only; unknown members are ignored, as HashiCorp asks of readers
/// ("JSON Output Format").
struct TerraformDocument {
    /// What is watched, and what was found of it.
    struct Item {
        let subject: String
        let document: JSON
    }

    private(set) var items: [Item] = []
    /// Whether a plan ended before all of it was refreshed.
    let isErrored: Bool

    private let redactor: Redactor

    /// How deep modules may be nested; deeper ones nobody has.
    private static let maximumModules = 64

    /// Reads one.
    ///
    /// - Parameters:
    ///   - json: the document, its inexact numbers marked.
    ///   - redactor: hides what the masks mark.
    /// - Throws: ``CollectorFailure`` for another format.
    init(_ json: JSON, redactor: Redactor) throws(CollectorFailure) {
        self.redactor = redactor
        guard let version = json["format_version"]?.stringValue else {
            throw CollectorFailure(
                .malformed,
                "no `format_version`: write the file with `terraform show -json`, not by copying "
                    + "the state file")
        }
        guard Self.isKnown(version) else {
            throw CollectorFailure(
                .malformed,
                "format `\(ShownText.line(version, limit: 40))`: only format 1 is read; use a "
                    + "newer collector")
        }
        isErrored = json["errored"]?.boolValue == true
        let values = json["values"] ?? json["prior_state"]?["values"]
        if let module = values?["root_module"] {
            try read(module: module, depth: 0)
        }
        for (name, output) in values?["outputs"]?.objectValue ?? [:] {
            try read(output: output, name: name)
        }
        for drift in try Self.list(json, "resource_drift") { try read(drift: drift) }
    }

    /// Whether the major version is 1.
    private static func isKnown(_ version: String) -> Bool {
        let parts = version.utf8.split(separator: UInt8(ascii: "."), maxSplits: 1)
        guard parts.count == 2, parts[0].elementsEqual("1".utf8) else { return false }
        return parts[1].allSatisfy { Digits.value($0, radix: 10) != nil }
    }

    private static func list(_ json: JSON, _ name: String) throws(CollectorFailure) -> [JSON] {
        switch json[name] {
        case nil, .null?: return []
        case .array(let elements)?: return elements
        default: throw CollectorFailure(.malformed, "`\(name)` is not a list")
        }
    }

    // MARK: state

    private mutating func read(module: JSON, depth: Int) throws(CollectorFailure) {
        guard depth < Self.maximumModules else {
            throw CollectorFailure(
                .tooLarge, "modules more than \(Self.maximumModules) inside each other")
        }
        for resource in try Self.list(module, "resources") {
            guard let address = resource["address"]?.stringValue else {
                throw CollectorFailure(.malformed, "a resource without an address")
            }
            let values = try hide(
                resource["values"] ?? .null, Self.mask(resource["sensitive_values"]))
            var document: JSONObject = ["values": values]
            for (name, key) in [
                ("identity", "identity"), ("index", "index"), ("mode", "mode"),
                ("provider", "provider_name"), ("tainted", "tainted"), ("type", "type"),
            ] {
                if let value = resource[key] { document[name] = value }
            }
            items.append(
                Item(
                    subject: Self.subject("resource:", address, resource["deposed_key"]),
                    document: .object(document)))
        }
        for child in try Self.list(module, "child_modules") {
            try read(module: child, depth: depth + 1)
        }
    }

    private mutating func read(output: JSON, name: String) throws(CollectorFailure) {
        let isSecret = output["sensitive"]?.boolValue ?? true
        var document: JSONObject = ["sensitive": .bool(isSecret)]
        if let type = output["type"] { document["type"] = type }
        if let value = output["value"] {
            document["value"] = try hide(value, .bool(isSecret))
        }
        items.append(Item(subject: "output:\(name)", document: .object(document)))
    }

    // MARK: drift that was found by a refresh

    private mutating func read(drift: JSON) throws(CollectorFailure) {
        guard let address = drift["address"]?.stringValue, let change = drift["change"] else {
            throw CollectorFailure(.malformed, "an entry of `resource_drift` without an address")
        }
        var document: JSONObject = [
            "actions": change["actions"] ?? .null,
            "after": try hide(
                Self.unknown(change["after"] ?? .null, change["after_unknown"] ?? false),
                Self.mask(change["after_sensitive"])),
            "before": try hide(
                change["before"] ?? .null, Self.mask(change["before_sensitive"])),
        ]
        for (name, value) in [
            ("afterIdentity", change["after_identity"]),
            ("beforeIdentity", change["before_identity"]),
            ("previousAddress", drift["previous_address"]),
        ] {
            if let value { document[name] = value }
        }
        items.append(
            Item(
                subject: Self.subject("drift:", address, drift["deposed"]),
                document: .object(document)))
    }

    private static func subject(_ kind: String, _ address: String, _ deposed: JSON?) -> String {
        guard let deposed = deposed?.stringValue, !deposed.isEmpty else { return kind + address }
        return "\(kind)\(address) (deposed \(deposed))"
    }

    /// Puts `{"$unknown":true}` where a value is only known once it was applied.
    private static func unknown(_ value: JSON, _ mask: JSON) -> JSON {
        switch (value, mask) {
        case (_, .bool(true)): return ["$unknown": true]
        case (.object(var members), .object(let masks)):
            for (name, mask) in masks {
                let found = unknown(members[name] ?? .null, mask)
                if members[name] != nil || !found.isNull { members[name] = found }
            }
            return .object(members)
        case (.array(var elements), .array(let masks)):
            for (index, mask) in masks.enumerated() where index < elements.count {
                elements[index] = unknown(elements[index], mask)
            }
            return .array(elements)
        case (.null, .object(let masks)) where !masks.isEmpty:
            return unknown(.object([:]), mask)
        default: return value
        }
    }

    // MARK: secrets

    /// A mask; where none is given all is secret, since nobody said that it is not.
    private static func mask(_ json: JSON?) -> JSON { json ?? true }

    /// Replaces what a mask marks: `true` stands for all below it.
    private func hide(_ value: JSON, _ mask: JSON) throws(CollectorFailure) -> JSON {
        switch (value, mask) {
        case (_, .bool(false)), (.null, _): return value
        case (.object(var members), .object(let masks)):
            for (name, mask) in masks {
                if let member = members[name] { members[name] = try hide(member, mask) }
            }
            return .object(members)
        case (.array(var elements), .array(let masks)):
            for (index, mask) in masks.enumerated() where index < elements.count {
                elements[index] = try hide(elements[index], mask)
            }
            return .array(elements)
        case (_, .object(let masks)) where masks.isEmpty: return value
        case (_, .array(let masks)) where masks.isEmpty: return value
        default:
            // `true`, or a mask that does not fit: what it was meant for can't be told.
            do {
                return redactor.digest(try value.canonicalBytes())
            } catch {
                throw CollectorFailure(.malformed, ShownText.line("\(error)"))
            }
        }
    }
}
