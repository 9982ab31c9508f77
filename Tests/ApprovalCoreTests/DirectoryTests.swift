// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

@Suite("Directory")
struct DirectoryTests {
    private let eve = Handle(constant: "eve")

    @Test("a handle is never given out again, to anybody")
    func neverReused() throws {
        var directory = try Fixtures.directory()
        let again: [DirectoryChange] = [
            .personAdded(.bob), .agentAdded(.bob, owner: .alice), .personAdded(.bot),
            .agentAdded(.bot, owner: .alice),
        ]
        for change in again { #expect(throws: DirectoryError.self) { try directory.apply(change) } }
        try directory.apply(.personRemoved(.bob))
        try directory.apply(.agentRemoved(.bot))
        for change in again { #expect(throws: DirectoryError.self) { try directory.apply(change) } }
        try directory.apply(.groupRemoved(.security))
        #expect(throws: DirectoryError.self) { try directory.apply(.groupAdded(.security)) }
        let gate = Handle(constant: "g")
        try directory.apply(.gateAdded(gate))
        try directory.apply(.gateRemoved(gate))
        #expect(throws: DirectoryError.self) { try directory.apply(.gateAdded(gate)) }
    }

    @Test("who goes leaves the groups, and the credentials go too")
    func removal() throws {
        var directory = try Fixtures.directory()
        let gate = Handle(constant: "g")
        try directory.apply(.gateAdded(gate))
        let holders: [(CredentialKind, Handle)] = [
            (.person, .bob), (.administrator, .bob), (.agent, .bot), (.gate, gate),
        ]
        for (index, (kind, subject)) in holders.enumerated() {
            try directory.apply(
                .credentialIssued(
                    Credential(
                        id: "c\(index)", kind: kind, subject: subject, secretHash: .zero,
                        notAfter: nil, shownTo: [])))
        }
        try directory.apply(.personRemoved(.bob))
        #expect(!directory.persons(in: .reviewers).contains(.bob))
        #expect(Set(directory.credentials.keys) == ["c2", "c3"])
        try directory.apply(.agentRemoved(.bot))
        try directory.apply(.gateRemoved(gate))
        #expect(directory.credentials.isEmpty)
    }

    @Test("agents in a group are not persons of it")
    func agentsAreNotPersons() throws {
        let directory = try Fixtures.directory()
        #expect(directory.groups[.reviewers]?.contains(.bot) == true)
        #expect(directory.persons(in: .reviewers) == [.alice, .bob, .carol])
        #expect(directory.groups(of: .bot) == [.reviewers])
        #expect(directory.isAdministrator(.alice))
        #expect(!directory.isAdministrator(.bot))
        #expect(directory.persons(in: eve).isEmpty)
    }

    @Test("changes about what is not there are refused and change nothing")
    func unknown() throws {
        var directory = try Fixtures.directory()
        let before = directory
        let nobody: [DirectoryChange] = [
            .personRemoved(eve), .agentRemoved(eve), .groupRemoved(eve), .gateRemoved(eve),
            .agentAdded(Handle(constant: "new"), owner: eve),
            .agentAdded(Handle(constant: "new"), owner: .bot),
            .memberAdded(group: eve, member: .bob), .memberAdded(group: .security, member: eve),
            .memberAdded(group: .security, member: .carol),
            .memberRemoved(group: .security, member: .bob), .credentialRevoked("c"),
            .credentialIssued(
                Credential(
                    id: "c", kind: .agent, subject: .bob, secretHash: .zero, notAfter: nil,
                    shownTo: [])),
        ]
        for change in nobody {
            #expect(throws: DirectoryError.self, "\(change)") { try directory.apply(change) }
            #expect(directory == before, "\(change)")
        }
    }

    @Test("the extract holds what policies see, is read back, and its digest follows it")
    func extract() throws {
        let directory = try Fixtures.directory()
        let read = try Directory(extract: directory.json)
        #expect(read.json == directory.json)
        #expect(try read.digest() == directory.digest())
        var other = directory
        try other.apply(
            .credentialIssued(
                Credential(
                    id: "c", kind: .person, subject: .bob, secretHash: .of("secret"),
                    notAfter: nil, shownTo: [])))
        // Credentials are no business of policies, nor of receipts.
        #expect(try other.digest() == directory.digest())
        try other.apply(.memberRemoved(group: .security, member: .dave))
        #expect(try other.digest() != directory.digest())
        for broken: JSON in [
            ["v": 2, "agents": [:], "groups": [:], "gates": [], "persons": []],
            ["v": 1, "agents": [:], "groups": [:], "gates": []],
            ["v": 1, "agents": [], "groups": [:], "gates": [], "persons": []],
            ["v": 1, "agents": [:], "groups": [:], "gates": [], "persons": ["Bob"]],
            ["v": 1, "agents": [:], "groups": ["g": "bob"], "gates": [], "persons": []],
            ["v": 1, "agents": [:], "groups": [:], "gates": [], "persons": [], "x": 1],
        ] {
            #expect(throws: (any Error).self, "\(broken)") { try Directory(extract: broken) }
        }
    }

    @Test("order of unrelated changes doesn't matter to the digest")
    func orderIndependent() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<50 {
            let additions = (0..<6).compactMap { Handle("p\($0)") }
            var digests: Set<Hash256> = []
            for _ in 0..<3 {
                var directory = Directory()
                try directory.apply(.groupAdded(.reviewers))
                for person in additions.shuffled(using: &random) {
                    try directory.apply(.personAdded(person))
                    try directory.apply(.memberAdded(group: .reviewers, member: person))
                }
                digests.insert(try directory.digest())
            }
            #expect(digests.count == 1)
        }
    }
}
