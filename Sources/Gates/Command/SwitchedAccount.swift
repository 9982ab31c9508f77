// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import ExequaturClient
internal import Foundation

/// An account that commands run as, other than that of the gate; only root can give one.
package struct SwitchedAccount: Sendable, Hashable {
    /// Who it is, as it is shown.
    package let account: CommandAccount
    /// Its groups, the first one first.
    package let groups: [UInt32]

    /// Describes an account.
    package init(account: CommandAccount, groups: [UInt32]) {
        self.account = account
        self.groups = groups
    }

    /// Looks an account up by name; nil where there is none.
    package init?(named name: String) {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 65_536)
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else {
            return nil
        }
        var groups = [gid_t](repeating: 0, count: 1_024)
        var count = Int32(groups.count)
        guard getgrouplist(name, entry.pw_gid, &groups, &count) >= 0 else { return nil }
        let rest = groups.prefix(Int(count)).filter { $0 != entry.pw_gid }
        self.init(
            account: CommandAccount(
                userID: entry.pw_uid, name: String(cString: entry.pw_name),
                home: String(cString: entry.pw_dir)),
            groups: [entry.pw_gid] + rest)
    }

    /// Calls `body` with the form that the system wants.
    func withSystemForm<Result>(
        _ body: (UnsafePointer<clinux_account>) -> Result
    ) -> Result {
        groups.withUnsafeBufferPointer { list in
            var form = clinux_account(
                user: account.userID, group: groups.first ?? account.userID,
                groups: list.baseAddress, group_count: list.count)
            return body(&form)
        }
    }
}

/// Threads for what blocks: hashing and waiting would hold up one of the few threads that
/// everything asynchronous shares.
enum CommandThread {
    /// Runs `body` in a thread of its own, which uses files as `account` does.
    /// - Returns: what `body` returns, or why the account could not be taken on.
    static func run<Value: Sendable>(
        as account: SwitchedAccount?, _ body: @escaping @Sendable () -> Value
    ) async -> Result<Value, SystemFailure> {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let taken = account?.withSystemForm { clinux_act_as($0) } ?? 0
                guard taken == 0 else {
                    return continuation.resume(returning: .failure(SystemFailure(-taken)))
                }
                continuation.resume(returning: .success(body()))
            }
        }
    }
}
