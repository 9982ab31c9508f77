// SPDX-License-Identifier: Apache-2.0

/// What level validation (RFC 76) must know of an expression that has been typed.
///
/// Branches that can never be evaluated are not in it.
indirect enum TypedNode {
    /// What an attribute is taken from.
    enum Target {
        case entity, record, unknown
    }

    /// A literal that is no entity.
    case constant
    case variable
    case entityLiteral(EntityUID, SourceSpan)
    /// Operands that are only looked into.
    case operands([TypedNode])
    case conditional(TypedNode, then: TypedNode, else: TypedNode)
    case attribute(TypedNode, Target, String, SourceSpan)
    case has(TypedNode, Target, SourceSpan)
    /// `getTag`.
    case tag(TypedNode, TypedNode, SourceSpan)
    /// `hasTag` and `in`.
    case lookup(TypedNode, TypedNode, SourceSpan)
    case record([(name: String, value: TypedNode)])
}

/// Checks how many times a policy goes on from one entity to another.
struct LevelChecker {
    let policyID: String
    let maximumLevel: Int
    let action: EntityUID
    var findings: Findings

    private mutating func note(_ kind: ValidationError.Kind, at span: SourceSpan) {
        findings.add(ValidationError(policyID: policyID, span: span, kind: kind))
    }

    mutating func check(_ node: TypedNode) {
        switch node {
        case .constant, .variable, .entityLiteral: break
        case .operands(let nodes): for node in nodes { check(node) }
        case .conditional(let test, let first, let second):
            check(test)
            check(first)
            check(second)
        case .attribute(let target, .entity, _, let span), .has(let target, .entity, let span):
            dereference(target, at: span)
        case .attribute(let target, _, _, _), .has(let target, _, _): check(target)
        case .tag(let target, let argument, let span),
            .lookup(let target, let argument, let span):
            dereference(target, at: span)
            check(argument)
        case .record(let fields): for field in fields { check(field.value) }
        }
    }

    private mutating func dereference(_ target: TypedNode, at span: SourceSpan) {
        let level = level(of: target, [])
        if level >= maximumLevel {
            note(.entityDereferenceLevel(allowed: maximumLevel, actual: level + 1), at: span)
        }
    }

    /// The number of entities that lie between the request and what the target stands for.
    ///
    /// The path holds the attributes of records that are taken next, the first one last, so that
    /// of a record literal only the value that is used counts.
    private mutating func level(of target: TypedNode, _ path: [String]) -> Int {
        switch target {
        case .variable: return 0
        case .entityLiteral(let uid, let span):
            if uid != action { note(.literalDereference, at: span) }
            return 0
        case .conditional(let test, let first, let second):
            check(test)
            return max(level(of: first, path), level(of: second, path))
        case .attribute(let inner, .entity, _, _): return level(of: inner, path) + 1
        case .attribute(let inner, _, let name, _): return level(of: inner, path + [name])
        case .tag(let inner, let argument, _):
            check(argument)
            return level(of: inner, path) + 1
        case .record(let fields):
            var result = 0
            for field in fields {
                if let name = path.last, Bytes.equal(field.name, name) {
                    result = level(of: field.value, Array(path.dropLast()))
                } else {
                    check(field.value)
                }
            }
            return result
        case .constant, .has, .lookup, .operands:
            check(target)
            return 0
        }
    }
}
