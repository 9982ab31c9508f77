// SPDX-License-Identifier: Apache-2.0

/// How much of an authenticator's answer is read before it is refused.
package enum WebAuthnLimits {
    /// The most bytes of `clientDataJSON`.
    ///
    /// Browsers write some 200; the rest is for members that they may add (WebAuthn Level 3
    /// §5.8.1).
    package static let clientDataBytes = 8_192

    /// How deep objects and arrays may be nested in `clientDataJSON`, which today has no nesting.
    package static let clientDataDepth = 16

    /// The most bytes of an attestation object, and of anything else that is read as CBOR.
    ///
    /// Chains of certificates are the largest part, and are not looked at.
    package static let cborBytes = 65_536

    /// How deep maps and arrays of CBOR may be nested; CTAP2 allows authenticators four levels.
    package static let cborDepth = 8

    /// The most bytes of authenticator data that come with an assertion: 37, and extensions.
    package static let authenticatorDataBytes = 8_192

    /// How many bytes a credential ID may have (WebAuthn Level 3 §4 and §7.1).
    package static let credentialIDBytes = 16...1_023

    /// How many bytes a user handle may have (WebAuthn Level 3 §5.4.3).
    package static let userHandleBytes = 1...64

    /// How many bytes a challenge may have; fewer than 16 could be guessed (§13.4.3).
    package static let challengeBytes = 16...1_024

    /// The most bytes of a signature: that of the largest RSA key.
    package static let signatureBytes = 512

    /// How many bits the modulus of an RSA key may have.
    package static let rsaBits = 2_048...4_096

    /// The most bytes of a COSE key: the largest RSA key, and its other members.
    package static let publicKeyBytes = 640

    /// The most bytes of the name of an attestation statement's format (§8.1).
    package static let formatBytes = 32
}
