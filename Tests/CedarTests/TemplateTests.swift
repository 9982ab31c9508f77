// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Testing

@Suite struct TemplateTests {
    private static let text = """
        @id("share") permit(principal == ?principal, action, resource in ?resource) // who
        when { resource has owner && "a ?principal b" != "" };
        permit(principal is User in ?principal, action == Action::"view", resource);
        forbid(principal, action, resource);
        """
    private let alice = EntityUID(type: "User", id: "a \"b\"")
    private let album = EntityUID(type: "Album", id: "x")

    private func set() throws -> PolicySet {
        try PolicySet(parsing: Self.text, allowingTemplates: true)
    }

    @Test func templatesAreKeptApart() throws {
        let set = try set()
        #expect(set.templates.map(\.id) == ["policy0", "policy1"])
        #expect(set.policies.map(\.id) == ["policy2"])
        #expect(set.templates.map(\.slots) == [[.principal, .resource], [.principal]])
        #expect(set.template(id: "policy0")?.annotation("id") == "share")
        // Whoever does not ask for templates does not get them.
        let errors = syntaxErrors(Self.text)
        #expect(errors.map(\.span.start.line) == [1, 1, 3])
        #expect(errors.allSatisfy { $0.message.hasPrefix("templates are not allowed here") })
    }

    @Test(arguments: [
        ("permit(principal == ?resource, action, resource);", "cannot stand for this part"),
        ("permit(principal, action == ?principal, resource);", "cannot stand for an action"),
        ("permit(principal, action, resource) when { ?principal == 1 };", "in a condition"),
        ("permit(principal, action, resource) when { ?principal.a };", "in a condition"),
        ("permit(principal == ?other, action, resource);", "is not a valid template slot"),
        ("permit(principal is ?principal, action, resource);", "expected an entity type"),
    ]) func slotsElsewhereAreRefused(_ text: String, _ message: String) throws {
        let error = try #require(throws: PolicySyntaxErrors.self) {
            try PolicySet(parsing: text, allowingTemplates: true)
        }
        #expect(error.description.contains(message))
    }

    @Test func linksAreOrdinaryPolicies() throws {
        let link = TemplateLink(
            templateID: "policy0", newID: "alice", values: [.principal: alice, .resource: album])
        let set = try set().linking([link])
        let policy = try #require(set["alice"])
        #expect(policy.link == link && policy.scope.principal == .equal(alice))
        #expect(policy.scope.resource == .in(album))
        #expect(
            policy.canonicalText == """
                @ id ( "share" ) permit ( principal == User :: "a \\"b\\"" , action , resource in \
                Album :: "x" ) when { resource has owner && "a ?principal b" != "" } ;
                """)
        #expect(policy.text.contains("?principal"))
        let entities = try Entities([
            Entity(
                uid: EntityUID(type: "Photo", id: "p"), attributes: ["owner": 1], parents: [album])
        ])
        let request = Request(
            principal: alice, action: EntityUID(type: "Action", id: "view"),
            resource: EntityUID(type: "Photo", id: "p"))
        let answer = set.evaluate(request, entities: entities)
        #expect(answer.satisfiedPermits == ["alice"] && answer.satisfiedForbids == ["policy2"])
        #expect(answer == set.evaluateWithoutIndex(request, entities: entities))
    }

    @Test func badLinksAreRefused() throws {
        let set = try set()
        for (template, id, values, kind) in [
            ("none", "a", [:], LinkError.Kind.unknownTemplate),
            ("policy2", "a", [:], .unknownTemplate),
            ("policy1", "policy2", [.principal: alice], .duplicateID),
            ("policy1", "policy0", [.principal: alice], .duplicateID),
            ("policy1", "a", [:], .missingSlot(.principal)),
            ("policy1", "a", [.principal: alice, .resource: album], .unknownSlot(.resource)),
        ] as [(String, String, [Template.Slot: EntityUID], LinkError.Kind)] {
            let link = TemplateLink(templateID: template, newID: id, values: values)
            let error = #expect(throws: LinkError.self) { try set.linking([link]) }
            #expect(error?.kind == kind)
        }
        let link = TemplateLink(templateID: "policy1", newID: "a", values: [.principal: alice])
        #expect(throws: LinkError.self) { try set.linking([link, link]) }
    }

    @Test func templatesAndLinksAreValidated() throws {
        let schema = try Schema(
            parsing: """
                entity Team; entity User in [Team] { n: Long }; entity Doc;
                action view appliesTo { principal: [User], resource: [Doc] };
                """)
        let text = """
            permit(principal in ?principal, action, resource == ?resource)
            when { principal.n == 1 };
            permit(principal in ?principal, action, resource) when { principal.m == 1 };
            """
        let set = try PolicySet(parsing: text, allowingTemplates: true)
        let validator = Validator(schema)
        #expect(validator.validate(set, mode: .strict).errors.map(\.policyID) == ["policy1"])
        func errors(_ principal: String, _ resource: String) throws -> [ValidationError.Kind] {
            let link = TemplateLink(
                templateID: "policy0", newID: "link",
                values: [
                    .principal: EntityUID(type: principal, id: "x"),
                    .resource: EntityUID(type: resource, id: "y"),
                ])
            return validator.validate(try set.linking([link]), mode: .strict).errors
                .filter { $0.policyID == "link" }.map(\.kind)
        }
        #expect(try errors("Team", "Doc") == [] && errors("User", "Doc") == [])
        #expect(
            try errors("Team", "Team") == [
                .invalidActionApplication(wouldInFixPrincipal: false, wouldInFixResource: false)
            ])
        #expect(
            try errors("Tem", "Doc").first == .unrecognizedEntityType("Tem", suggestion: "Team"))
    }

    @Test func policySetsInJSON() throws {
        let link = TemplateLink(
            templateID: "policy0", newID: "alice", values: [.principal: alice, .resource: album])
        let set = try set().linking([link])
        let json = try set.json
        let again = try PolicySet(json: json)
        #expect(try again.json == json)
        #expect(again.policies.map(\.id) == ["policy2", "alice"])
        #expect(again["alice"]?.scope == set["alice"]?.scope)
        let none: JSON = ["staticPolicies": [:], "templates": [:], "templateLinks": []]
        #expect(try PolicySet(json: none).policies.isEmpty)
        for (key, value) in [
            ("extra", [:] as JSON),
            ("templateLinks", [["templateId": "t", "newId": "n", "values": [:]]]),
            ("templates", ["t": try #require(json["staticPolicies"]?["policy2"])]),
            ("staticPolicies", ["t": try #require(json["templates"]?["policy0"])]),
            ("templates", .null),
        ] {
            var object = try #require(none.objectValue)
            object[key] = value
            #expect(throws: JSONShapeError.self) { try PolicySet(json: .object(object)) }
        }
    }
}
