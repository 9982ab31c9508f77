// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
public import ExequaturClient

/// Builds the operation of a command from what would really be executed.
///
/// The same command in the same surroundings gives the same operation digest: nothing in it is a
/// time or a random value, so a run that was killed finds its action again.
public struct CommandFreezer: Sendable {
    private let key: DigestKey
    private let limits: CommandLimits

    /// Makes a freezer with the gate's own key for values that are not shown.
    public init(key: DigestKey, limits: CommandLimits = .default) {
        self.key = key
        self.limits = limits
    }

    /// Freezes a command: reads and hashes files, executes nothing.
    /// - Parameters:
    ///   - request: what to run.
    ///   - surroundings: what it would get.
    /// - Returns: the operation, and what is needed to execute it later.
    /// - Throws: ``FreezeError``.
    public func freeze(
        _ request: CommandRequest, surroundings: CommandSurroundings
    ) throws -> FrozenCommand {
        let snapshot = try CommandSnapshot(request, surroundings, key: key, limits: limits)
        let operation = try FrozenOperation(
            action: "command.run", resource: ["id": .string(request.host), "type": "Host"],
            input: snapshot.input, effects: request.effects)
        return FrozenCommand(
            operation: operation, request: request, surroundings: surroundings, key: key,
            limits: limits)
    }
}

/// A frozen command: the operation, and what is needed to check and execute it later.
///
/// Values that the operation only has as keyed digests, and the bytes of standard input, are
/// held here in memory and go nowhere else.
public struct FrozenCommand: Sendable {
    /// The operation that is asked for.
    public let operation: FrozenOperation

    let request: CommandRequest
    let surroundings: CommandSurroundings
    let key: DigestKey
    let limits: CommandLimits

    /// The frozen input.
    public var input: JSON { operation.json["input"] ?? .null }

    /// The words of the command.
    public var arguments: [String] { request.arguments }
}
