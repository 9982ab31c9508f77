// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Programs that tests start and wait for.
///
/// Not Foundation's `Process`, which crashes or loses descriptors when several threads start
/// programs at once, as tests do.
public enum Child {
    /// Where output goes.
    public enum Output: Sendable {
        /// Where ours goes.
        case shown
        /// Nowhere.
        case hidden
        /// Both streams into a file.
        case file(String)
    }

    /// Runs a program that is found by `PATH` and waits for its end.
    ///
    /// - Parameters:
    ///   - arguments: the program and its arguments.
    ///   - output: where standard output and standard error go.
    /// - Returns: the exit status; 128 and more for a signal.
    /// - Throws: ``CorpusError`` when it cannot be started.
    public static func run(_ arguments: [String], output: Output = .shown) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        let file: String? =
            switch output {
            case .shown: nil
            case .hidden: "/dev/null"
            case .file(let path): path
            }
        if let file {
            posix_spawn_file_actions_addopen(
                &actions, 1, file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        var argv = arguments.map { strdup($0) } + [nil]
        var envp =
            ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, arguments[0], &actions, nil, &argv, &envp)
        guard result == 0 else {
            throw CorpusError(
                description: "cannot start `\(arguments[0])`: \(String(cString: strerror(result)))")
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else {
                throw CorpusError(description: "cannot wait for `\(arguments[0])`")
            }
        }
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }
}
