// SPDX-License-Identifier: Apache-2.0

/// How much JSON a parser accepts before it refuses.
public struct JSONLimits: Sendable, Hashable {
    /// The deepest nesting that any limits can allow.
    ///
    /// Values are walked recursively, when they are released too; so many levels fit on the
    /// smallest stack that a thread of ours has.
    public static let deepestAllowed = 512

    /// The most bytes of a document.
    ///
    /// 1 MiB unless told otherwise: nobody reviews a larger action.
    public var maximumBytes: Int

    /// The most arrays and objects inside each other; `[[]]` has two.
    public var maximumDepth: Int

    /// The most members of one object.
    public var maximumMembers: Int

    /// The most values in the whole document, which bounds its size in memory (24 to 40 bytes
    /// each, besides their text).
    public var maximumValues: Int

    /// The most bytes of one number.
    ///
    /// 17 digits identify any double; many more are written by programs that compute exactly, or
    /// by attackers.
    public var maximumNumberBytes: Int

    /// Creates limits; those left out are the default ones.
    ///
    /// Each has to be at least 1, and the depth at most ``deepestAllowed``.
    public init(
        maximumBytes: Int = 1_048_576, maximumDepth: Int = 64, maximumMembers: Int = 10_000,
        maximumValues: Int = 250_000, maximumNumberBytes: Int = 1_024
    ) {
        precondition(
            min(maximumBytes, maximumMembers, maximumValues, maximumNumberBytes) > 0
                && (1...Self.deepestAllowed).contains(maximumDepth),
            "limits must be positive, and the depth at most 512")
        self.maximumBytes = maximumBytes
        self.maximumDepth = maximumDepth
        self.maximumMembers = maximumMembers
        self.maximumValues = maximumValues
        self.maximumNumberBytes = maximumNumberBytes
    }

    /// For input from outside: requests, tool calls, chat payloads.
    public static let `default` = JSONLimits()

    /// For files that the operator names, such as exports, plans and state files: 256 MiB.
    public static let files = JSONLimits(
        maximumBytes: 268_435_456, maximumDepth: deepestAllowed, maximumMembers: 1_000_000,
        maximumValues: 50_000_000)
}
