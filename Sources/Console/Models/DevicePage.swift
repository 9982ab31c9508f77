// SPDX-License-Identifier: Apache-2.0

/// Where a person signs a command line in by the code that it shows.
public struct DevicePage: Sendable, Hashable {
    /// Surroundings.
    public var shell: ConsoleShell
    /// What was typed, to be corrected.
    public var code: String?
    /// What the code stands for, once it is entered.
    public var request: DeviceCard?
    /// True if the sign-in is recent enough to answer.
    public var mayAnswer: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(shell: ConsoleShell, code: String?, request: DeviceCard?, mayAnswer: Bool) {
        self.shell = shell
        self.code = code
        self.request = request
        self.mayAnswer = mayAnswer
    }
}

/// A command line that waits to be signed in.
public struct DeviceCard: Sendable, Hashable {
    /// The code.
    public var code: String
    /// Where the request came from.
    public var address: String
    /// What the program calls itself, made visible.
    public var client: String
    /// Until when it can be answered.
    public var expires: ConsoleInstant

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    public init(code: String, address: String, client: String, expires: ConsoleInstant) {
        self.code = code
        self.address = address
        self.client = client
        self.expires = expires
    }
}
