// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON
internal import Identity

/// The providers by which people sign in: the section `signIn` of the configuration file.
package struct SignInSettings: Sendable {
    /// Somebody has to find his own among the buttons.
    package static let limit = 8
    /// Nobody signs in by a provider.
    package static let none = SignInSettings(providers: [])

    let providers: [SignInProvider]

    /// What each button says, and the name by which its form goes to
    /// `/console/sign-in/openid/NAME`.
    package var choices: [(name: String, title: String)] {
        providers.map { ($0.name.text, $0.title) }
    }

    private init(providers: [SignInProvider]) { self.providers = providers }

    /// Reads the section; at most ``limit`` providers, each with another name.
    ///
    /// - Parameters:
    ///   - json: the array.
    ///   - secrets: gives the content of a file, without the newline at its end.
    /// - Returns: the providers, in their order.
    /// - Throws: where something is unknown, missing or out of range, with its place.
    package static func read(
        _ json: JSON, secrets: (String) throws -> String
    ) throws -> SignInSettings {
        guard let elements = json.arrayValue else {
            throw CoreError("`signIn`: expected an array of providers")
        }
        guard elements.count <= limit else {
            throw CoreError("`signIn`: at most \(limit) providers")
        }
        var providers: [SignInProvider] = []
        for (index, element) in elements.enumerated() {
            let provider = try SignInProvider(element, path: "signIn[\(index)]", secrets: secrets)
            guard !providers.contains(where: { $0.name == provider.name }) else {
                throw CoreError("`signIn[\(index)].name`: `\(provider.name)` is there twice")
            }
            providers.append(provider)
        }
        return SignInSettings(providers: providers)
    }

    /// The provider of this name in an address.
    func provider(_ name: String) -> SignInProvider? {
        providers.first { $0.name.text.utf8.elementsEqual(name.utf8) }
    }
}
