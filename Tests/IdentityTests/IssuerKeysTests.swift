// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Synchronization
import Testing

@testable import Identity

@Suite("Keys of issuers")
struct IssuerKeysTests {
    @Test("are fetched once in ten minutes; a withdrawn key works no longer after that")
    func cache() async throws {
        let all = try await Surroundings()
        for _ in 0..<5 { #expect(try await all.verdict(try all.issuer.token()) == "taken") }
        #expect(
            all.issuer.fetched == [
                Issuer.url + "/.well-known/openid-configuration", Issuer.url + "/jwks",
            ])
        all.issuer.publish([all.issuer.keys[1]])
        all.clock.advance(599)
        #expect(try await all.verdict(try all.issuer.token()) == "taken")
        #expect(all.issuer.fetched.count == 2)
        all.clock.advance(1)
        #expect(try await all.verdict(try all.issuer.token()).contains("has no key `rsa-1`"))
        #expect(all.issuer.fetched.count == 4)
    }

    @Test("an unknown key asks again, at most once a minute")
    func unknownKey() async throws {
        let all = try await Surroundings()
        all.issuer.publish([all.issuer.keys[1]])
        let token = try all.issuer.token()
        for _ in 0..<20 { #expect(try await all.verdict(token).contains("has no key")) }
        #expect(all.issuer.fetched.count == 2)
        all.issuer.publish(all.issuer.keys)
        all.clock.advance(59)
        #expect(try await all.verdict(token).contains("has no key"))
        #expect(all.issuer.fetched.count == 2)
        all.clock.advance(1)
        #expect(try await all.verdict(token) == "taken")
        #expect(all.issuer.fetched.count == 4)
    }

    @Test("an issuer that is down is an error of its own, and is left alone for a moment")
    func down() async throws {
        let all = try await Surroundings()
        all.issuer.put("/jwks", nil)
        let token = try all.issuer.token()
        for _ in 0..<20 {
            await #expect(throws: IssuerFailure.self) { try await all.verify(token) }
        }
        #expect(all.issuer.fetched.count == 2)
        all.issuer.publish(all.issuer.keys)
        all.clock.advance(5)
        #expect(try await all.verdict(token) == "taken")
        // Keys that are known go on for their ten minutes, and no longer.
        all.issuer.put("/jwks", nil)
        all.clock.advance(599)
        #expect(try await all.verdict(token) == "taken")
        all.clock.advance(1)
        await #expect(throws: IssuerFailure.self) { try await all.verify(token) }
    }

    @Test("an unknown key does not cost the known ones where the issuer is down")
    func downForOneKey() async throws {
        let all = try await Surroundings()
        let token = try all.issuer.token()
        #expect(try await all.verdict(token) == "taken")
        all.issuer.put("/jwks", nil)
        all.clock.advance(60)
        let other = try all.issuer.token(header: ["alg": "RS256", "kid": "rsa-9"])
        await #expect(throws: IssuerFailure.self) { try await all.verify(other) }
        #expect(try await all.verdict(token) == "taken")
    }

    @Test("many who ask at once make one fetch")
    func together() async throws {
        let issuer = try await Issuer()
        let gate = Gate()
        let inner = issuer.source
        let keys = IssuerKeys(
            source: DocumentSource { url, limit in
                await gate.pass()
                return try await inner.read(url, limit)
            }, seconds: { 0 })
        let url = try IssuerURL(Issuer.url)
        let found = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await keys.key("rsa-1", of: url, trusted: [Issuer.url]) != nil
                }
            }
            group.addTask {
                // Long enough for the others to line up; nothing depends on it.
                for _ in 0..<1000 { await Task.yield() }
                gate.open()
                return true
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(found == 51)
        #expect(issuer.fetched.count == 2)
    }

    @Test("whoever goes away while fetching costs the others nothing")
    func cancelled() async throws {
        let issuer = try await Issuer()
        let attempts = Mutex(0)
        let inner = issuer.source
        let keys = IssuerKeys(
            source: DocumentSource { url, limit in
                let attempt = attempts.withLock { count in
                    count += 1
                    return count
                }
                if attempt == 1 { throw CancellationError() }
                return try await inner.read(url, limit)
            }, seconds: { 0 })
        let found = try await keys.key(
            "rsa-1", of: try IssuerURL(Issuer.url), trusted: [Issuer.url])
        #expect(found != nil)
    }

    @Test("the description must be the issuer's own, and its keys behind https")
    func descriptions() async throws {
        let all = try await Surroundings()
        let path = "/.well-known/openid-configuration"
        for description: JSON in [
            [:], [], ["issuer": .string(Issuer.url)],
            ["issuer": "https://evil.example", "jwks_uri": .string(Issuer.url + "/jwks")],
            ["issuer": .string(Issuer.url + "/"), "jwks_uri": .string(Issuer.url + "/jwks")],
            ["issuer": .string(Issuer.url), "jwks_uri": "http://127.0.0.1:1/jwks"],
            ["issuer": .string(Issuer.url), "jwks_uri": "file:///etc/passwd"],
            ["issuer": .string(Issuer.url), "jwks_uri": 7],
        ] {
            all.issuer.put(path, description)
            all.clock.advance(10)
            let token = try all.issuer.token()
            await #expect(throws: IssuerFailure.self, "\(description)") {
                try await all.verify(token)
            }
        }
        #expect(all.issuer.fetched.allSatisfy { $0 == Issuer.url + path })
    }

    @Test("only keys for RS256 and ES256 are taken, each name once")
    func keySets() async throws {
        let issuer = try await Issuer()
        func ids(_ keys: [JSON]) async throws -> [String] {
            let set = try await KeySet(Array(JSON.object(["keys": .array(keys)]).description.utf8))
            return ["rsa-1", "ec-1"].filter { set[$0] != nil }
        }
        let (rsa, ecdsa) = (issuer.keys[0], issuer.keys[1])
        #expect(try await ids([rsa, ecdsa]) == ["rsa-1", "ec-1"])
        func changed(_ key: JSON, _ name: String, _ value: JSON?) throws -> JSON {
            var object = try #require(key.objectValue)
            object[name] = value
            return .object(object)
        }
        // Beside a good one, so that the set itself is readable.
        for (name, value): (String, JSON?) in [
            ("use", "enc"), ("alg", "RS512"), ("alg", "HS256"), ("kty", "oct"), ("e", "Aw"),
            ("n", "AQAB"), ("n", nil), ("kid", nil), ("kid", ""), ("key_ops", ["sign"]),
            ("n", .string(String(repeating: "A", count: 2048))),
        ] {
            #expect(
                try await ids([try changed(rsa, name, value), ecdsa]) == ["ec-1"], "\(name)")
        }
        for (name, value): (String, JSON?) in [
            ("crv", "P-384"), ("alg", "RS256"), ("x", "AAAA"), ("y", nil),
            ("y", .string(String(repeating: "A", count: 43))), ("use", "enc"),
        ] {
            #expect(
                try await ids([rsa, try changed(ecdsa, name, value)]) == ["rsa-1"], "\(name)")
        }
        #expect(try await ids([rsa, rsa, ecdsa]) == ["ec-1"])
        for bad in ["", "[]", "{}", #"{"keys":[]}"#, #"{"keys":{}}"#, #"{"keys":[1]}"#] {
            await #expect(throws: IssuerFailure.self, "\(bad)") {
                try await KeySet(Array(bad.utf8))
            }
        }
        let many = Array(repeating: rsa, count: IdentityLimits.keys) + [ecdsa]
        await #expect(throws: IssuerFailure.self) { try await ids(many) }
    }

    @Test("issuers that nobody trusts any more are forgotten")
    func forgotten() async throws {
        let issuer = try await Issuer()
        let keys = IssuerKeys(source: issuer.source, seconds: { 0 })
        let url = try IssuerURL(Issuer.url)
        _ = try await keys.key("rsa-1", of: url, trusted: [Issuer.url])
        issuer.put("/.well-known/openid-configuration", nil)
        _ = try await keys.key("rsa-1", of: url, trusted: [Issuer.url])
        let other = try IssuerURL("https://other.example")
        _ = try? await keys.key("x", of: other, trusted: [other.text])
        await #expect(throws: IssuerFailure.self) {
            _ = try await keys.key("rsa-1", of: url, trusted: [Issuer.url])
        }
    }
}

/// Holds everybody until it is opened.
private final class Gate: Sendable {
    private let isOpen = Mutex(false)
    func open() { isOpen.withLock { $0 = true } }
    func pass() async { while !isOpen.withLock({ $0 }) { await Task.yield() } }
}
