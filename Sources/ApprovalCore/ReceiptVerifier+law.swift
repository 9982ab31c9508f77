// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import TransparencyLog

/// The policy sets and directories of a receipt, in order of the index from which each is in
/// force.
struct ReceiptLaw {
    struct Book {
        let from: UInt64
        let policies: PublishedPolicies
    }

    struct Register {
        let from: UInt64
        let directory: Directory
    }

    private(set) var books: [Book] = []
    private(set) var registers: [Register] = []

    /// What is in force for the entry at `index`: the last one published before it.
    func policies(at index: UInt64) -> PublishedPolicies? {
        books.last { $0.from < index }?.policies
    }

    func directory(at index: UInt64) -> Directory? {
        registers.last { $0.from < index }?.directory
    }

    /// What policy says, in both modes that were possible: whether a lone operator was let
    /// approve for himself is not recorded, and was possible only while unsealed.
    func judge(
        _ action: Action, at index: UInt64, now: Timestamp, unsealed: Bool
    ) throws -> [(verdict: Verdict, surroundings: MachineSurroundings)] {
        guard let policies = policies(at: index), let directory = directory(at: index) else {
            throw CoreError("no policy set or directory before it is here")
        }
        return try (unsealed ? [false, true] : [false]).map { alone in
            let environment = try PolicyEnvironment(
                policies: policies, directory: directory, singleOperator: alone,
                unsealed: unsealed)
            let verdict = environment.evaluate(action, at: now)
            let surroundings = MachineSurroundings(
                now: now, directory: directory, singleOperator: alone, evaluate: { verdict },
                render: { _, _ in .none })
            return (verdict, surroundings)
        }
    }

    mutating func add(_ document: ReceiptDocument, _ check: inout ReceiptCheck) {
        for entry in document.policies {
            do {
                let publication = try PolicyPublication(core: entry.core)
                guard let body = entry.body else { throw CoreError("the policy texts are missing") }
                books.append(
                    Book(
                        from: entry.recorded.index,
                        policies: try publication.policies(body: body)))
            } catch {
                check.problem(entry.place, "\(error)")
            }
        }
        for (entry, extract) in document.directories {
            do {
                let change = try DirectoryEntry(core: entry.core)
                let directory = try Directory(extract: extract)
                guard directory.json == extract, try directory.digest() == change.directory else {
                    throw CoreError("the extract is not the directory that the core names")
                }
                registers.append(
                    Register(from: entry.recorded.index, directory: directory))
            } catch {
                check.problem(entry.place, "\(error)")
            }
        }
    }
}
