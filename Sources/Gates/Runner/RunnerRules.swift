// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import Facts

/// Who connected to a runner's socket, as the system knew it at that moment.
package struct RunnerPeer: Sendable, Hashable {
    package let process: Int32
    package let user: UInt32
    package let group: UInt32

    /// Describes a peer.
    package init(process: Int32, user: UInt32, group: UInt32) {
        self.process = process
        self.user = user
        self.group = group
    }
}

/// What a runner lets agents ask for.
package struct RunnerRules: Sendable {
    /// Accounts that may connect to the socket; empty: all that its mode lets in, but not root.
    package var users: Set<UInt32> = []
    /// Variables that agents may give values to.
    package var passed: [String] = []
    /// Variables of the runner's own that commands get beyond the usual ones.
    package var own: [String] = []
    /// Variables of the runner's own whose values may be shown.
    package var shown: [String] = []
    /// Where commands run unless the agent chooses; canonical.
    package let home: String
    /// Folders among which, and in which, agents may choose, canonical.
    ///
    /// What is in them may be shown to agents elsewhere.
    package var folders: [String] = []
    /// The runner's surroundings: its environment, its account.
    package var surroundings: CommandSurroundings
    /// The machine's name.
    package var host: String

    /// Rules that let in nothing beyond a command's words and its standard input.
    package init(home: String, surroundings: CommandSurroundings, host: String) {
        self.home = home
        self.surroundings = surroundings
        self.host = host
    }

    // MARK: who

    /// Whether an account may connect to the socket.
    package func admits(_ peer: RunnerPeer) -> Bool {
        // The mode does not hold root back, so root has to be named.
        users.isEmpty ? peer.user != 0 : users.contains(peer.user)
    }

    // MARK: variables

    /// Decides what runs and with what; agents must not, whatever the administrator allows them.
    private static let reserved = [
        "HOME", "PATH", "PWD", "SHELL", "USER", "LOGNAME", "TMPDIR", "IFS",
    ]

    /// Why agents may not give a value to a variable of that name; nil when they may be let.
    package static func problem(passing name: String) -> String? {
        let isOurs = name.utf8.starts(with: "EXEQUATUR_".utf8)
        let isReserved =
            reserved.contains { $0.utf8.elementsEqual(name.utf8) }
            || name.utf8.starts(with: "XDG_".utf8)
            || CommandEnvironment.fixed.contains { $0.0.utf8.elementsEqual(name.utf8) }
        if isOurs || isReserved { return "it decides what runs, or how it is found" }
        return problem(giving: name)
    }

    /// Why commands may not get a variable of that name; nil when they may.
    package static func problem(giving name: String) -> String? {
        if EnvironmentRules.treatment(of: name, value: "", asked: true) == .dangerous {
            return "it makes loaders, shells or tools run something else, or is no name"
        }
        return name.utf8.starts(with: "EXEQUATUR_".utf8) ? "it is the runner's own" : nil
    }

    private func environment(
        with given: [String: String]
    ) throws(RunnerRefusal) -> [String: String] {
        var environment = surroundings.environment
        for (name, value) in given {
            guard passed.contains(where: { $0.utf8.elementsEqual(name.utf8) }),
                Self.problem(passing: name) == nil
            else {
                throw RunnerRefusal(
                    .forbidden,
                    "the runner takes no variable `\(name)` from agents: its administrator allows "
                        + "some with `--pass-env`")
            }
            guard EnvironmentRules.treatment(of: name, value: value, asked: true) != .dangerous,
                !GateToken.isContained(in: value)
            else {
                throw RunnerRefusal(
                    .forbidden, "the value of `\(name)` is code or a token: change it")
            }
            environment[name] = value
        }
        return environment
    }

    // MARK: folder

    private func folder(_ given: String?) throws(RunnerRefusal) -> String {
        guard let given else { return home }
        let refusal = RunnerRefusal(
            .forbidden,
            "the runner does not work in `\(given)`: its administrator allows folders with "
                + "`--directory`")
        guard given.utf8.first == UInt8(ascii: "/"),
            let canonical = SystemPath.canonical(given), allows(canonical)
        else { throw refusal }
        return canonical
    }

    /// Whether commands may run in a folder, by its canonical path.
    func allows(_ path: String) -> Bool {
        path.utf8.elementsEqual(home.utf8) || folders.contains { FolderChain.isBelow(path, $0) }
    }

    // MARK: effects

    private func observed(_ subject: String) -> JSON {
        ["observed": true, "scope": .string(host), "subject": .string(subject)]
    }

    // MARK: together

    /// What to freeze for a request, and what it would get.
    /// - Throws: ``RunnerRefusal`` for what the rules do not let in.
    func command(
        _ request: RunnerRequest, from peer: RunnerPeer?
    ) throws(RunnerRefusal) -> (CommandRequest, CommandSurroundings) {
        let given = request.variables.keys.sorted {
            $0.utf8.lexicographicallyPrecedes($1.utf8)
        }
        var found = CommandSurroundings(
            directory: try folder(request.directory),
            environment: try environment(with: request.variables), input: request.input,
            account: surroundings.account)
        let variables = Set(shown + given)
        if let peer {
            found.audience = .account(
                user: peer.user, group: peer.group, variables: variables)
        } else {
            found.audience = .remote(folders: folders, variables: variables)
        }
        return (
            CommandRequest(
                arguments: request.arguments, bindings: request.bindings, variables: own + given,
                host: host, effects: request.effects + request.affects.map(observed)), found
        )
    }
}
