// SPDX-License-Identifier: Apache-2.0

/// Why a command cannot be frozen, and so not be asked for.
public enum FreezeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is no command.
    case noCommand
    /// No executable file of that name is in `PATH`.
    case notFound(String)
    /// The file is there, but cannot be executed or bound.
    case notExecutable(path: String, cause: String)
    /// A file that has to be bound cannot be read.
    case unreadable(path: String, cause: String)
    /// Something is larger than can be frozen.
    case tooLarge(what: String, limit: Int)
    /// Text that is not UTF-8, or has a NUL: what was approved could not be what is executed.
    case notText(what: String)
    /// A token of this service would be stored for all reviewers to see.
    case containsToken(what: String)

    /// One line, lowercase, that says what to do next.
    public var description: String {
        switch self {
        case .noCommand: "no command given, write it after `--`"
        case .notFound(let name): "`\(name)`: command not found in `PATH`"
        case .notExecutable(let path, let cause): "`\(path)` cannot be executed: \(cause)"
        case .unreadable(let path, let cause): "`\(path)` cannot be bound: \(cause)"
        case .tooLarge(let what, let limit): "\(what) exceeds \(limit) bytes, make it smaller"
        case .notText(let what): "\(what) is not UTF-8 text without NUL, change it"
        case .containsToken(let what): "\(what) contains an Exequatur token, remove it"
        }
    }
}

/// What a frozen command may hold at most.
public struct CommandLimits: Sendable, Hashable {
    /// Words of the command; nobody could read a review of more.
    public var arguments = 4_096
    /// Bytes of all words together.
    public var argumentBytes = 262_144
    /// Bytes of one bound text that is stored and shown; a longer one makes the command
    /// uninspectable.
    public var shownBytes = 65_536
    /// Bytes of standard input, which is held in memory until it is used.
    public var inputBytes = 1_048_576
    /// Bytes of a script, which is copied into memory to be executed.
    public var scriptBytes = 8_388_608
    /// Bytes of any file that is hashed.
    public var fileBytes = 1_073_741_824
    /// Files named with `--bind`, and again operands that are files.
    public var files = 64

    /// The limits of a gate unless it is configured otherwise.
    public static let `default` = CommandLimits()

    /// Makes the default limits.
    public init() {}
}
