// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import Foundation
import TestSupport
import Testing

@testable import WebAuthn

@Suite("Public keys")
struct PublicKeyTests {
    private static let x = [UInt8](Self.raw[..<32])
    private static let y = [UInt8](Self.raw[32...])
    private static let raw: [UInt8] = {
        guard case .es256(let key) = SoftKey.es256 else { return [] }
        return Array(key.publicKey.rawRepresentation)
    }()

    @Test("Keys are kept as they were given")
    func roundTrip() throws {
        for (key, algorithm) in [(SoftKey.es256, -7), (.ed25519, -8), (.rs256, -257)] {
            let read = try PasskeyPublicKey(cose: key.cose)
            #expect(read.cose == key.cose)
            #expect(read.algorithm == algorithm)
            let signature = try key.sign([1, 2, 3])
            #expect(read.isValid(signature: signature, of: [1, 2, 3]))
            #expect(!read.isValid(signature: signature, of: [1, 2, 4]))
            #expect(!read.isValid(signature: signature, of: []))
        }
    }

    private static let compressed = Encoded.key([
        (1, [2]), (3, Encoded.int(-7)), (-1, [1]), (-2, Encoded.bytes(x)), (-3, [0xF5]),
    ])
    private static let unordered = Encoded.key([
        (3, Encoded.int(-7)), (1, [2]), (-1, [1]), (-2, Encoded.bytes(x)), (-3, Encoded.bytes(y)),
    ])
    private static let more = Encoded.key([
        (1, [2]), (3, Encoded.int(-7)), (4, [0x81, 2]), (-1, [1]), (-2, Encoded.bytes(x)),
        (-3, Encoded.bytes(y)),
    ])
    private static let withPrivate = Encoded.key([
        (1, [1]), (3, Encoded.int(-8)), (-1, [6]), (-2, Encoded.bytes(x)), (-4, Encoded.bytes(x)),
    ])
    private static let twice = Encoded.key([
        (1, [2]), (3, Encoded.int(-7)), (-1, [1]), (-1, [1]), (-2, Encoded.bytes(x)),
    ])
    private static let longForm = [UInt8(0xB8), 5] + SoftKey.es256.cose.dropFirst()
    private static func modulus(_ bits: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xFF, count: (bits + 7) / 8)
        bytes[0] = 0xFF >> UInt8(bytes.count * 8 - bits)
        return bytes
    }

    static let defects: [(String, WebAuthnError.Code, [UInt8])] = {
        let e: [UInt8] = [1, 0, 1]
        var offCurve = y
        offCurve[31] ^= 1
        let prime = bytes("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")
        return [
            ("nothing", .cborTruncated, []), ("no map", .malformedKey, [0x80]),
            ("empty map", .malformedKey, [0xA0]),
            ("trailing byte", .cborTrailingBytes, SoftKey.es256.cose + [0]),
            ("not the shortest form", .cborNotCanonical, longForm),
            ("not in order", .cborNotCanonical, unordered),
            ("same member twice", .cborDuplicateKey, twice),
            ("too long", .cborTooLarge, SoftKey.rsa(modulus(5_120), e)),
            ("compressed point", .malformedKey, compressed),
            ("one member more", .malformedKey, more),
            ("private key", .malformedKey, withPrivate),
            ("short x", .malformedKey, SoftKey.p256(x: Array(x.dropFirst()), y: y)),
            ("long y", .malformedKey, SoftKey.p256(x: x, y: [0] + y)),
            ("curve P-384", .wrongCurve, SoftKey.p256(x: x, y: y, curve: 2)),
            ("curve secp256k1", .wrongCurve, SoftKey.p256(x: x, y: y, curve: 8)),
            ("ES384", .unsupportedAlgorithm, SoftKey.p256(x: x, y: y, algorithm: -35, curve: 2)),
            ("ES256K", .unsupportedAlgorithm, SoftKey.p256(x: x, y: y, algorithm: -47, curve: 8)),
            ("EdDSA with P-256", .malformedKey, SoftKey.p256(x: x, y: y, algorithm: -8)),
            ("ES256 with Ed25519", .malformedKey, SoftKey.okp(x, algorithm: -7)),
            ("not on the curve", .pointNotOnCurve, SoftKey.p256(x: x, y: offCurve)),
            ("coordinates swapped", .pointNotOnCurve, SoftKey.p256(x: y, y: x)),
            (
                "zero", .pointNotOnCurve,
                SoftKey.p256(
                    x: [UInt8](repeating: 0, count: 32), y: [UInt8](repeating: 0, count: 32))
            ),
            ("coordinate not reduced", .pointNotOnCurve, SoftKey.p256(x: prime, y: y)),
            ("Ed448", .wrongCurve, SoftKey.okp([UInt8](repeating: 1, count: 57), curve: 7)),
            ("X25519", .wrongCurve, SoftKey.okp(x, curve: 4)),
            ("short Ed25519", .malformedKey, SoftKey.okp(Array(x.dropLast()))),
            ("long Ed25519", .malformedKey, SoftKey.okp(x + [0])),
            ("RSA of 1024 bits", .weakKey, SoftKey.rsa(modulus(1_024), e)),
            ("RSA of 2047 bits", .weakKey, SoftKey.rsa(modulus(2_047), e)),
            ("RSA of 4097 bits", .weakKey, SoftKey.rsa(modulus(4_097), e)),
            ("RSA with exponent 1", .weakKey, SoftKey.rsa(modulus(2_048), [1])),
            ("RSA with exponent 3", .weakKey, SoftKey.rsa(modulus(2_048), [3])),
            ("RSA with an even exponent", .weakKey, SoftKey.rsa(modulus(2_048), [1, 0, 2])),
            ("RSA with a long exponent", .weakKey, SoftKey.rsa(modulus(2_048), [1, 0, 0, 0, 1])),
            ("RSA with an even modulus", .weakKey, SoftKey.rsa(modulus(2_048).dropLast() + [0], e)),
            ("RSA with a zero in front", .malformedKey, SoftKey.rsa([0] + modulus(2_048), e)),
            ("RSA with a zero before e", .malformedKey, SoftKey.rsa(modulus(2_048), [0] + e)),
            ("RSA without modulus", .malformedKey, SoftKey.rsa([], e)),
        ] + smallOrder
    }()

    /// Each of them, with both signs, would verify one signature over any text.
    private static let smallOrder: [(String, WebAuthnError.Code, [UInt8])] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ].flatMap { hex in
        var negative = bytes(hex)
        negative[31] |= 0x80
        return [bytes(hex), negative].map {
            ("small order \(hex)", WebAuthnError.Code.weakKey, SoftKey.okp($0))
        }
    }

    @Test("Each defect is refused with its code", arguments: defects)
    func refused(_ name: String, _ expected: WebAuthnError.Code, _ cose: [UInt8]) throws {
        #expect(try code { _ = try PasskeyPublicKey(cose: cose) } == expected, "\(name)")
    }

    @Test("RSA keys of the largest size are read")
    func largestRSA() throws {
        let key = try PasskeyPublicKey(cose: SoftKey.rsa(Self.modulus(4_096), [1, 0, 1]))
        #expect(!key.isValid(signature: [UInt8](repeating: 1, count: 512), of: []))
    }

    @Test("Cut off at any length, a key is refused", arguments: SoftKey.all)
    func truncated(_ key: SoftKey) throws {
        for count in key.cose.indices {
            #expect(throws: WebAuthnError.self) {
                try PasskeyPublicKey(cose: Array(key.cose[..<count]))
            }
        }
    }

    /// SEC 1 §4.1.4 has no rule on S, and WebAuthn none either.
    @Test("A signature of P-256 with the other S is accepted")
    func highS() throws {
        let key = try PasskeyPublicKey(cose: SoftKey.es256.cose)
        let order = bytes("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        for number: UInt8 in 0..<8 {
            let der = try SoftKey.es256.sign([number])
            let raw = Array(
                try P256.Signing.ECDSASignature(derRepresentation: der).rawRepresentation)
            var other: [UInt8] = []
            var borrow = 0
            for (n, s) in zip(order, raw[32...]).reversed() {
                let difference = Int(n) - Int(s) - borrow
                borrow = difference < 0 ? 1 : 0
                other.insert(UInt8(difference & 0xFF), at: 0)
            }
            let signature = try P256.Signing.ECDSASignature(
                rawRepresentation: Array(raw[..<32]) + other)
            let flipped = Array(signature.derRepresentation)
            #expect(flipped != der)
            #expect(key.isValid(signature: flipped, of: [number]))
        }
    }

    @Test("DER is read strictly")
    func strictDER() throws {
        let key = try PasskeyPublicKey(cose: SoftKey.es256.cose)
        let raw: [UInt8] = Array(
            try P256.Signing.ECDSASignature(derRepresentation: SoftKey.es256.sign([9]))
                .rawRepresentation)
        func integer(_ bytes: ArraySlice<UInt8>, padded: Bool) -> [UInt8] {
            var value = Array(bytes.drop { $0 == 0 })
            if padded || (value.first ?? 0) >= 0x80 { value.insert(0, at: 0) }
            if padded, value[1] >= 0x80 { value.insert(0, at: 0) }
            return [2, UInt8(value.count)] + value
        }
        func sequence(_ padR: Bool, _ padS: Bool, long: Bool = false) -> [UInt8] {
            let body = integer(raw[..<32], padded: padR) + integer(raw[32...], padded: padS)
            return [0x30] + (long ? [0x81] : []) + [UInt8(body.count)] + body
        }
        #expect(key.isValid(signature: sequence(false, false), of: [9]))
        #expect(!key.isValid(signature: sequence(true, false), of: [9]))
        #expect(!key.isValid(signature: sequence(false, true), of: [9]))
        #expect(!key.isValid(signature: sequence(false, false, long: true), of: [9]))
        #expect(!key.isValid(signature: sequence(false, false) + [0], of: [9]))
        #expect(!key.isValid(signature: raw, of: [9]))
        #expect(!key.isValid(signature: bytes("3006020100020100"), of: [9]))
        #expect(!key.isValid(signature: bytes("3006020101020100"), of: [9]))
    }

    @Test("A signature with any bit changed, or cut off, is refused", arguments: SoftKey.all)
    func tampered(_ key: SoftKey) throws {
        let read = try PasskeyPublicKey(cose: key.cose)
        let signature = try key.sign([1])
        for place in signature.indices {
            for bit in 0..<8 {
                var changed = signature
                changed[place] ^= 1 << UInt8(bit)
                #expect(!read.isValid(signature: changed, of: [1]), "\(place), \(bit)")
            }
            #expect(!read.isValid(signature: Array(signature[..<place]), of: [1]))
        }
        #expect(!read.isValid(signature: signature + [0], of: [1]))
        #expect(!read.isValid(signature: [0] + signature, of: [1]))
    }
}
