// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON

/// Whose activities are believed.
package struct BotTrust: Sendable {
    /// The application id of the bot: the only audience that is taken.
    package let appID: String
    /// The tenant whose people decide.
    package let tenant: String
    /// Beginnings of addresses that the bot's own token may be sent to, each ending with `/`.
    package let serviceURLs: [String]

    package init(appID: String, tenant: String, serviceURLs: [String]) {
        self.appID = appID
        self.tenant = tenant
        self.serviceURLs = serviceURLs
    }
}

/// An activity or a token that is not believed, and why.
///
/// The reason is for the operator's log.
package struct BotTokenRefused: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// A token with which the Bot Framework vouches for an activity, checked.
///
/// It says nothing of the activity's content: whoever gets hold of one could send any activity
/// until it expires, as with every bot.
package struct BotToken: Sendable {
    /// Who signs for the Bot Framework.
    static let issuer = "https://api.botframework.com"
    /// The chat whose activities are taken.
    static let channel = "msteams"

    let serviceURL: String
    let endorsements: [String]
    private let trust: BotTrust

    /// Believes what `token` says where `key` signed it, and it is for this bot and of this time.
    init(
        _ token: CompactToken, _ key: VerificationKey, trust: BotTrust, now: Timestamp
    ) throws(TokenFault) {
        try Self.checkClaims(token, trust: trust, now: now)
        try token.check(key)
        guard let serviceURL = token.claims["serviceurl"]?.stringValue else {
            throw TokenFault("the token names no `serviceurl`")
        }
        self.serviceURL = serviceURL
        self.trust = trust
        endorsements = key.endorsements
    }

    /// Refuses what no key could make good, before any key is asked for.
    static func checkClaims(
        _ token: CompactToken, trust: BotTrust, now: Timestamp
    ) throws(TokenFault) {
        guard token.algorithm == .rs256 else { throw TokenFault("the algorithm is not RS256") }
        guard let issuer = token.claims["iss"]?.stringValue,
            issuer.utf8.elementsEqual(Self.issuer.utf8)
        else { throw TokenFault("the issuer is not `\(Self.issuer)`") }
        guard let audience = token.claims["aud"]?.stringValue,
            audience.utf8.elementsEqual(trust.appID.utf8)
        else { throw TokenFault("the audience is not the id of the app") }
        guard let expires = token.claims["exp"]?.intValue,
            let notBefore = token.claims["nbf"]?.intValue
        else { throw TokenFault("`exp` or `nbf` is missing") }
        let skew = IdentityLimits.botSkewSeconds
        guard now < (try CompactToken.instant(expires, "exp")).adding(seconds: skew) else {
            throw TokenFault("the token expired")
        }
        guard try CompactToken.instant(notBefore, "nbf") <= now.adding(seconds: skew) else {
            throw TokenFault("`nbf` is in the future")
        }
    }

    /// Reads the activity that came with the token.
    ///
    /// - Throws: `BotTokenRefused` where the token is not for it, or it is of somebody else's
    ///   tenant or service; `JSONParseError` where it can't be read.
    package func activity(_ body: [UInt8], limits: JSONLimits) throws -> BotActivity {
        let json = try JSON(parsing: body, limits: limits)
        guard json["channelId"]?.stringValue.map(Self.isChannel) == true else {
            throw BotTokenRefused("the activity is not of `\(Self.channel)`")
        }
        guard endorsements.contains(where: Self.isChannel) else {
            throw BotTokenRefused("the key is not endorsed for `\(Self.channel)`")
        }
        guard let service = json["serviceUrl"]?.stringValue,
            service.utf8.elementsEqual(serviceURL.utf8)
        else { throw BotTokenRefused("the token is for another `serviceUrl`") }
        guard Self.isAddress(service),
            trust.serviceURLs.contains(where: { service.utf8.starts(with: $0.utf8) })
        else {
            throw BotTokenRefused(
                "`serviceUrl` is `\(CompactToken.shown(service))`, which `serviceURLs` does not "
                    + "allow")
        }
        for tenant in [
            json["channelData"]?["tenant"]?["id"], json["conversation"]?["tenantId"],
        ] {
            guard let text = tenant?.stringValue, text.utf8.elementsEqual(trust.tenant.utf8) else {
                throw BotTokenRefused("the activity is of another tenant, or of none")
            }
        }
        return BotActivity(json: json)
    }

    private static func isChannel(_ text: String) -> Bool {
        text.utf8.elementsEqual(channel.utf8)
    }

    /// Visible ASCII, without what could hide where the path ends.
    private static func isAddress(_ text: String) -> Bool {
        text.utf8.count <= IdentityLimits.serviceURLBytes
            && text.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7F && !"?#\\\"".utf8.contains(byte)
            }
    }
}

/// An activity that the Bot Framework vouches for, from the tenant that is trusted.
package struct BotActivity: Sendable {
    package let json: JSON

    init(json: JSON) { self.json = json }
}
