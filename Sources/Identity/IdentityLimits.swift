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
    /// How far the Bot Framework's clock may be from ours; its documentation says so.
    package static let botSkewSeconds: Int64 = 300
    /// The Bot Framework's keys are asked for again after so long, and kept so long where it does
    /// not answer: its documentation allows a day.
    static let botKeySeconds = 3600.0
    static let botKeptKeySeconds = 86_400.0
    /// New keys are published long before they are used.
    static let botUnknownKeySeconds = 300.0
    /// The address in an activity to which answers go.
    static let serviceURLBytes = 1024
    /// Connecting, and each answer of an issuer.
    static let fetchSeconds: Int64 = 5
    /// Requests that wait for the keys of one issuer.
    static let waiters = 256
    /// From sending somebody to a provider until he is back, in seconds; a login takes less.
    package static let attemptSeconds: Int64 = 600
    /// What a provider says about itself is used so long.
    static let metadataSeconds = 600.0
    /// Requests to one provider for what it says about itself that wait at the same time.
    static let metadataWaiters = 256
    /// The answer with the tokens; those of providers have a few thousand.
    static let exchangeBytes = 65_536
    /// Each parameter of the callback; codes of Entra have about 1,500 bytes.
    static let callbackBytes = 4096
    /// A subject (OpenID Connect Core 1.0 §2).
    static let subjectBytes = 255
    /// A name as the provider spells it; a longer one is no name.
    static let nameBytes = 256
    /// Audiences of an ID token, methods of authentication, and what they and `acr` are called.
    static let audiences = 16
    static let methods = 16
    static let methodBytes = 256
    /// Groups in an ID token: Entra leaves them out from 200 on, others have no limit.
    static let groups = 1000
    static let groupBytes = 256
    /// What of a provider's own words for an error is shown.
    static let errorBytes = 300
    /// What a provider's configuration may hold.
    static let titleBytes = 80
    static let clientIDBytes = 256
    static let secretBytes = 4096
    static let scopes = 20
    static let requiredClaims = 16
    static let acrValues = 16
    static let settingBytes = 256
    /// Where the browser comes back to.
    static let redirectBytes = 2048
}
