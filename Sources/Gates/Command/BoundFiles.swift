// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import Foundation

/// Files beside the program that a command names.
struct BoundFiles {
    let directory: String
    let limits: CommandLimits
    let form: FileForm

    /// Operand files larger than this are named but not hashed.
    private static let operandBytes = 268_435_456

    /// Files of `--bind`: each must be readable, and is shown where it is text.
    func bindings(_ paths: [String]) throws(FreezeError) -> [JSON] {
        guard paths.count <= limits.files else {
            throw .tooLarge(what: "the list of bound files", limit: limits.files)
        }
        var bound: [JSON] = []
        for given in paths {
            let file = try open(given)
            // Whoever names a file for reviewers to read must be able to read it himself.
            guard form.audience.mayRead(file) else {
                throw .unreadable(path: given, cause: Self.no)
            }
            guard case .object(var object) = form.json(file, showing: limits.shownBytes) else {
                continue
            }
            object["given"] = .string(given)
            bound.append(.object(object))
        }
        return bound
    }

    /// Configuration files, shown like bound files; one that is no text has none.
    func configuration(_ paths: [String]) throws(FreezeError) -> [JSON] {
        var bound: [JSON] = []
        for path in paths {
            // An index is no text; naming it is what matters.
            if path.hasSuffix("/index") {
                bound.append(["path": .string(path), "submodules": true])
            } else {
                bound.append(form.json(try open(path), showing: limits.shownBytes))
            }
        }
        return bound
    }

    /// Regular files that the words lead to, each once, without what is bound already.
    func operands(of arguments: [String], except launch: CommandLaunch) -> [JSON] {
        var seen = Set(launch.scripts.map(\.file.path))
        seen.insert(launch.executable.path)
        var found: [JSON] = []
        for word in arguments.dropFirst() {
            var candidates = [word]
            if let cut = word.utf8.firstIndex(of: UInt8(ascii: "=")) {
                candidates.append(String(word[word.utf8.index(after: cut)...]))
            }
            if word.utf8.first == UInt8(ascii: "@") {
                candidates.append(String(word.dropFirst()))
            }
            for candidate in candidates where !candidate.isEmpty && found.count < limits.files {
                let path = SystemPath.join(directory, candidate)
                guard candidate.utf8.count < 4_096, SystemPath.isRegularFile(path),
                    let canonical = SystemPath.canonical(path), seen.insert(canonical).inserted
                else { continue }
                found.append(operand(canonical))
            }
        }
        return found
    }

    private func operand(_ canonical: String) -> JSON {
        do throws(SystemFailure) {
            return form.json(
                try OpenFile(canonical: canonical, keeping: 0, limit: Self.operandBytes))
        } catch {
            // Not the gate's to refuse: `sudo` may read what the gate cannot.
            return ["path": .string(canonical), "unhashed": .string(error.description)]
        }
    }

    private func open(_ given: String) throws(FreezeError) -> OpenFile {
        let path = SystemPath.join(directory, given)
        guard let canonical = SystemPath.canonical(path) else {
            throw .unreadable(path: given, cause: cause(SystemFailure(errno)))
        }
        do throws(SystemFailure) {
            return try OpenFile(
                canonical: canonical, keeping: limits.shownBytes, limit: limits.fileBytes)
        } catch {
            throw .unreadable(path: given, cause: cause(error))
        }
    }

    /// Said for all causes alike where the difference would tell what is in private folders.
    private static let no = "it is not there, or not for you to read"

    private func cause(_ failure: SystemFailure) -> String {
        form.audience.isOwn ? failure.description : Self.no
    }
}
