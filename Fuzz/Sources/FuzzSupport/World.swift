// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
public import Cedar

/// The schema, the policies, the entities and the request that inputs are tried against.
public enum World {
    /// Every kind of declaration and type.
    public static let schemaText = """
        namespace App { entity Team; action use appliesTo { principal: Team, resource: Team }; }
        type Home = { city: String, zip?: Long };
        entity Group in [Group];
        entity User in [Group] {
          name: String, level: Long, manager: User, nick?: String, home?: Home,
          langs: Set<String>, homes: Set<Home>,
        } tags String;
        entity Photo in [Album] { owner: User, taken: datetime, price: decimal };
        entity Album tags Set<Long>;
        entity Color enum ["red", "blue"];
        action read;
        action view, edit in [read] appliesTo {
          principal: [User], resource: [Photo, Album],
          context: { ip: ipaddr, now: datetime, mfa?: Bool, color: Color, wait?: duration },
        };
        """

    /// The schema.
    public static let schema = Fuzzer.must("schema") { try Schema(parsing: schemaText) }

    /// A few policies and a template, valid and not.
    public static let policies = Fuzzer.must("policies") {
        try PolicySet(
            parsing: """
                permit(principal in Group::"staff", action in Action::"read", resource)
                when { principal has home.zip && principal.home.zip > 1 };
                forbid(principal, action == Action::"view", resource is Photo)
                unless { resource.owner == principal && context has mfa && context.mfa };
                permit(principal == ?principal, action, resource in ?resource)
                when { principal.hasTag("a") && principal.getTag("a") like "b*" };
                permit(principal is A::B, action in [Action::"a", Action::"b"], resource)
                when { context.a.b["c d"] < 3 || [principal, resource].contains(context.e) };
                """,
            allowingTemplates: true)
    }

    /// The question.
    public static let request = Request(
        principal: EntityUID(type: "User", id: "alice"),
        action: EntityUID(type: "Action", id: "view"),
        resource: EntityUID(type: "Photo", id: "trip.jpg"),
        context: [
            "mfa": true, "color": .entity(EntityUID(type: "Color", id: "red")),
            "input": .record(["amount": 250, "has space": 1]), "list": .set([1, 2]),
            "big": .long(.max), "small": .long(.min),
        ])

    /// What is known.
    public static let entities = Fuzzer.must("entities") {
        let staff = EntityUID(type: "Group", id: "staff")
        return try Entities([
            Entity(
                uid: request.principal,
                attributes: [
                    "name": "Alice", "level": 5, "manager": .entity(request.principal),
                    "home": .record(["city": "Ulm", "zip": 89073]), "langs": .set(["de", "en"]),
                ],
                parents: [staff], tags: ["team": "red", "": "empty"]),
            Entity(uid: staff, parents: [EntityUID(type: "Group", id: "all")]),
            Entity(
                uid: request.resource, attributes: ["owner": .entity(request.principal)],
                parents: [EntityUID(type: "Album", id: "a")]),
            Entity(uid: request.action, parents: [EntityUID(type: "Action", id: "read")]),
        ])
    }

    /// Validates policies against a schema, with limits that keep one try short.
    ///
    /// - Parameters:
    ///   - policies: the policies.
    ///   - schema: the schema.
    public static func validate(_ policies: PolicySet, _ schema: Schema) {
        var validator = Validator(schema)
        validator.maximumSteps = 20_000
        validator.maximumRequestEnvironments = 1_000
        for mode in ValidationMode.allCases {
            let result = validator.validate(policies, mode: mode, maximumLevel: 1)
            for error in result.errors.prefix(100) {
                Fuzzer.checkMessage(error.description)
                if case .internalInvariantViolation = error.kind { Fuzzer.stop("\(error)") }
            }
            for warning in result.warnings.prefix(100) {
                Fuzzer.checkMessage(warning.description)
            }
        }
    }
}
