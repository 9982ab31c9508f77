// SPDX-License-Identifier: Apache-2.0

/// Every limit of this target in one place, each with its reason.
package enum IdentityLimits {
    /// A job's token; GitHub's have about 2,000 bytes.
    package static let tokenBytes = 16_384
    /// How far the issuer's clock may be from ours.
    package static let skewSeconds: Int64 = 60
    /// A token is asked for when it is needed; an older one has been lying about.
    package static let ageSeconds: Int64 = 600
    /// Name of a key, `jti`.
    static let identifierBytes = 1024
    /// What an issuer says about itself.
    static let discoveryBytes = 65_536
    /// The keys of an issuer; an issuer has a few.
    static let keySetBytes = 262_144
    static let keys = 100
    /// RSA moduli: jwt-kit refuses shorter ones, and longer ones only cost time.
    static let modulusBytes = 256...1024
    /// Keys are asked for again after so long: one that an issuer withdrew works no longer.
    static let keySeconds = 600.0
    /// Anybody can name a key that is unknown; the issuer is asked no more often than this.
    static let unknownKeySeconds = 60.0
    /// An issuer that did not answer is left alone so long.
    static let failureSeconds = 5.0
    /// Connecting, and each answer of an issuer.
    static let fetchSeconds: Int64 = 5
    /// Requests that wait for the keys of one issuer.
    static let waiters = 256
}
