// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
internal import ExequaturClient
internal import Foundation

/// What somebody asks a gate to run.
public struct CommandRequest: Sendable, Hashable {
    /// The words of the command; the first names the program.
    public var arguments: [String]
    /// Paths of files that the approval covers with their contents.
    public var bindings: [String]
    /// Names of variables to pass on beyond the usual ones; dangerous ones stay out.
    public var variables: [String]
    /// The name of the machine, which is the resource of the operation.
    public var host: String
    /// What the command says it will change, as the API takes it.
    public var effects: [JSON]

    /// Makes a request.
    public init(
        arguments: [String], bindings: [String] = [], variables: [String] = [], host: String,
        effects: [JSON] = []
    ) {
        self.arguments = arguments
        self.bindings = bindings
        self.variables = variables
        self.host = host
        self.effects = effects
    }
}

/// Standard input of a command, frozen before it is asked for.
public enum CommandInput: Sendable, Hashable {
    /// `/dev/null`.
    case null
    /// These bytes and then the end.
    case bytes([UInt8])
}

/// The account that a command runs as.
public struct CommandAccount: Sendable, Hashable {
    /// The effective user id.
    public var userID: UInt32
    /// The account's name, or the id where it has none.
    public var name: String
    /// The home directory in the account database, whatever `HOME` says.
    public var home: String?

    /// Describes an account.
    public init(userID: UInt32, name: String, home: String?) {
        self.userID = userID
        self.name = name
        self.home = home
    }

    /// The account of this process.
    public static func current() -> CommandAccount {
        let id = geteuid()
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 65_536)
        guard getpwuid_r(id, &entry, &buffer, buffer.count, &found) == 0, found != nil else {
            return CommandAccount(userID: id, name: String(id), home: nil)
        }
        return CommandAccount(
            userID: id, name: String(cString: entry.pw_name), home: String(cString: entry.pw_dir))
    }
}

/// What a command would get from the process that asks for it.
public struct CommandSurroundings: Sendable {
    /// The working directory.
    public var directory: String
    /// All variables, unfiltered.
    public var environment: [String: String]
    /// Standard input, read to its end.
    public var input: CommandInput
    /// Who runs it.
    public var account: CommandAccount
    /// Who sees what is found; set by gates that run commands for other accounts.
    package var audience = CommandAudience.own

    /// Describes surroundings.
    public init(
        directory: String, environment: [String: String], input: CommandInput,
        account: CommandAccount
    ) {
        self.directory = directory
        self.environment = environment
        self.input = input
        self.account = account
    }

    /// The surroundings of this process, with an input that was read from it.
    ///
    /// Variables whose value is not UTF-8 are left out: they could not be shown.
    public static func current(input: CommandInput) throws(FreezeError) -> CommandSurroundings {
        guard let found = getcwd(nil, 0) else {
            throw .unreadable(path: ".", cause: SystemFailure(errno).description)
        }
        defer { free(found) }
        guard let directory = String(validatingCString: found) else {
            throw .notText(what: "the working directory's name")
        }
        var environment: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            if let text = String(validatingCString: entry),
                let cut = text.utf8.firstIndex(of: UInt8(ascii: "="))
            {
                let name = String(text[..<cut])
                let value = String(text[text.utf8.index(after: cut)...])
                // The first of two of the same name is the one getenv(3) finds.
                if environment[name] == nil { environment[name] = value }
            }
            next += 1
        }
        return CommandSurroundings(
            directory: directory, environment: environment, input: input, account: .current())
    }
}
