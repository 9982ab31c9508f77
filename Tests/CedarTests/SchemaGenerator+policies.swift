// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// Policies that mostly fit a schema.
extension SchemaGenerator {
    /// Somewhere that an attribute can be reached from, with what has to be asked before.
    private struct Path {
        var text: String
        var kind: GeneratedSchema.Kind
        var guards: [String] = []
    }

    mutating func policy(_ schema: GeneratedSchema, isTemplate: Bool = false) -> String {
        let action = pick(schema.actions.filter { !$0.principals.isEmpty })
        let principal = pick(action.principals)
        let resource = pick(action.resources)
        let id = "Action::\(PolicyGenerator.quoted(action.id))"
        let scope = pick(["action == \(id)", "action in [\(id)]", "action in \(id)", "action"])
        var text = chance(70) ? "permit(" : "forbid("
        text += "principal\(constraint(principal, schema, isTemplate ? "?principal" : nil)), "
        text += "\(scope), "
        text += "resource\(constraint(resource, schema, isTemplate ? "?resource" : nil)))"
        var roots = [
            Path(text: "principal", kind: .entity(principal)),
            Path(text: "resource", kind: .entity(resource)),
        ]
        if scope != "action" { roots.append(Path(text: "context", kind: .record(action.context))) }
        for _ in 0..<pick([0, 1, 1, 2]) {
            text += chance(80) ? " when { " : " unless { "
            text += boolean(3, roots, schema) + " }"
        }
        return text + ";"
    }

    private mutating func constraint(
        _ name: String, _ schema: GeneratedSchema, _ slot: String?
    ) -> String {
        let parents = schema.type(name)?.parents ?? []
        let uid = slot ?? literal(fault(20) ? pick(schema.types.map(\.name)) : name, schema)
        return switch Int.random(in: 0..<6, using: &base.random) {
        case 0: " == \(uid)"
        case 1: " in \(slot ?? literal(pick(parents + [name]), schema))"
        case 2: " is \(fault(5) ? "Nobody" : name) in \(uid)"
        case 3 where slot != nil: " == \(uid)"
        case 3, 4: " is \(name)"
        default: ""
        }
    }

    private mutating func literal(_ name: String, _ schema: GeneratedSchema) -> String {
        let choices = schema.type(name)?.choices ?? ["a", "b"]
        let id = fault(3) ? "other" : pick(choices)
        return "\(fault(2) ? "Nobody" : name)::\(PolicyGenerator.quoted(id))"
    }

    /// A walk along attributes; now and then one that is not there or not asked for.
    private mutating func path(_ roots: [Path], _ schema: GeneratedSchema) -> Path {
        var path = pick(roots)
        let root = path.text
        var names: [String] = []
        for _ in 0..<pick([0, 1, 1, 2, 3]) {
            let attributes: [GeneratedSchema.Attribute] =
                switch path.kind {
                case .entity(let name): schema.type(name)?.attributes ?? []
                case .record(let attributes): attributes
                default: []
                }
            guard !attributes.isEmpty else { break }
            let attribute = pick(attributes)
            let isPlain = attribute.name.utf8.allSatisfy { $0 >= 97 && $0 <= 122 }
            let dotted = isPlain && attribute.name != "in"
            let quoted = PolicyGenerator.quoted(attribute.name)
            if !attribute.isRequired, !fault(10) {
                path.guards.append("\(path.text) has \(dotted ? attribute.name : quoted)")
            }
            names.append(dotted ? attribute.name : "")
            path.text += dotted ? ".\(attribute.name)" : "[\(quoted)]"
            if fault(1) { path.text += ".nothing" }
            path.kind = attribute.kind
        }
        // Asks for everything on the way at once (RFC 62).
        if names.count > 1, !names.contains(""), chance(40) {
            path.guards = ["\(root) has \(names.joined(separator: "."))"]
        }
        return path
    }

    private mutating func boolean(
        _ depth: Int, _ roots: [Path], _ schema: GeneratedSchema
    ) -> String {
        if depth > 0, chance(60) {
            switch Int.random(in: 0..<6, using: &base.random) {
            case 0, 1:
                return
                    "\(boolean(depth - 1, roots, schema)) && \(boolean(depth - 1, roots, schema))"
            case 2:
                return "(\(boolean(depth - 1, roots, schema)) "
                    + "|| \(boolean(depth - 1, roots, schema)))"
            case 3: return "!(\(boolean(depth - 1, roots, schema)))"
            case 4:
                let branches = "then \(boolean(depth - 1, roots, schema)) "
                return "(if \(boolean(depth - 1, roots, schema)) \(branches)"
                    + "else \(boolean(depth - 1, roots, schema)))"
            default: break
            }
        }
        let path = path(roots, schema)
        let test = fault(3) ? "\(path.text) == 1" : test(path, roots, schema)
        return "(\((path.guards + [test]).joined(separator: " && ")))"
    }

    private mutating func test(
        _ path: Path, _ roots: [Path], _ schema: GeneratedSchema
    ) -> String {
        let text = path.text
        switch path.kind {
        case .bool: return text
        case .long: return pick(["\(text) < 5", "\(text) + 1 == -\(text)", "\(text) * 2 >= 0"])
        case .string:
            return pick([
                "\(text) like \"a*\"", "\(text) == \"a\"", "[\"a\", \(text)].contains(\(text))",
            ])
        case .decimal:
            return pick([
                "\(text).lessThan(decimal(\"1.0\"))", "\(text) == decimal(\"1.0\")",
                "\(text) == decimal(\"x\")", "\(text) < decimal(\"1.0\")",
            ])
        case .ip: return pick(["\(text).isIpv4()", "\(text).isInRange(ip(\"10.0.0.0/8\"))"])
        case .datetime:
            return pick([
                "\(text) < datetime(\"2024-01-01\")", "\(text).toDate() == \(text)",
                "\(text).offset(duration(\"1d\")) > \(text)", "\(text).toTime().toHours() < 3",
            ])
        case .duration: return pick(["\(text).toDays() == 1", "\(text) <= duration(\"1h\")"])
        case .set(let element): return setTest(text, element, schema)
        case .record(let attributes):
            let name = attributes.first?.name ?? "a"
            return "\(text) has \(PolicyGenerator.quoted(chance(80) ? name : "zz"))"
        case .entity(let name): return entityTest(text, name, roots, schema)
        }
    }

    private mutating func setTest(
        _ text: String, _ element: GeneratedSchema.Kind, _ schema: GeneratedSchema
    ) -> String {
        if chance(40) { return "\(text).isEmpty()" }
        let literal =
            switch element {
            case .long: "1"
            case .string: "\"a\""
            case .bool: "true"
            case .entity(let name): self.literal(name, schema)
            default: "\(text)"
            }
        return pick([
            "\(text).contains(\(literal))", "\(text).containsAll([\(literal)])",
            "\(text).containsAny(\(text))", "\(text) == [\(literal)]", "\(text).containsAny([])",
        ])
    }

    private mutating func entityTest(
        _ text: String, _ name: String, _ roots: [Path], _ schema: GeneratedSchema
    ) -> String {
        let other = path(roots, schema)
        let parents = schema.type(name)?.parents ?? []
        return switch Int.random(in: 0..<9, using: &base.random) {
        case 0: "\(text) == \(literal(name, schema))"
        case 1: "\(text) in \(literal(pick(parents + [name]), schema))"
        case 2: "\(text) in [\(literal(pick(parents + [name]), schema)), \(text)]"
        case 3: "\(text) is \(pick(schema.types.map(\.name)))"
        case 4: "\(text) is \(name) in \(literal(pick(parents + [name]), schema))"
        case 5: "\(text).hasTag(\"t\") && \(text).getTag(\"t\") == \(text).getTag(\"t\")"
        case 6: "\(text).hasTag(\"t\")"
        case 7: "\(text) == \(other.text)"
        default: "\(text) has \(PolicyGenerator.quoted(pick(["a", "b", "owner"])))"
        }
    }
}
