// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CanonicalJSON
internal import Crypto
internal import ExequaturClient
internal import Foundation
internal import TransparencyLog

/// Everything a command depends on that can be bound, as it is at one moment.
///
/// Freezing takes one and keeps its ``input``; the check right before execution takes another
/// and executes from the descriptors of that one.
struct CommandSnapshot: Sendable {
    let input: JSON
    let launch: CommandLaunch
    let environment: CommandEnvironment
    /// The working directory, open: what happens to its name later does not matter.
    let directory: Descriptor

    init(
        _ request: CommandRequest, _ surroundings: CommandSurroundings, key: DigestKey,
        limits: CommandLimits
    ) throws(FreezeError) {
        try Self.check(request.arguments, limits: limits)
        let place = try WorkingDirectory(surroundings.directory)
        let environment = try CommandEnvironment(
            surroundings.environment, asked: request.variables, directory: place.path, key: key,
            audience: surroundings.audience)
        let launch = try CommandLaunch(
            arguments: request.arguments, directory: place.path, path: environment.path,
            limits: limits)
        let form = FileForm(audience: surroundings.audience, key: key)
        let files = BoundFiles(directory: place.path, limits: limits, form: form)
        let bindings = try files.bindings(request.bindings)
        let configuration = try files.configuration(
            RepositoryFiles.find(
                arguments: request.arguments, directory: place.path,
                environment: environment.variables))

        var input: JSONObject = [
            "account": Self.json(surroundings.account),
            "argv": .array(request.arguments.map { .string($0) }),
            "bindings": .array(bindings),
            "cwd": .string(place.path),
            "cwdIdentity": .string(place.identity),
            "environment": .object(environment.json),
            "environmentDropped": .array(environment.dropped.map { .string($0) }),
            "executable": form.json(launch.executable, isExecutable: true),
            "operands": .array(files.operands(of: request.arguments, except: launch)),
            "stdin": Self.json(surroundings.input, limits: limits),
        ]
        if let interpreter = launch.interpreterJSON(form) { input["interpreter"] = interpreter }
        if let index = launch.mainScript {
            input["script"] = form.json(launch.scripts[index].file, showing: limits.shownBytes)
        }
        if SystemPath.lastPart(request.arguments[0]) == "git" {
            input["configuration"] = .array(configuration)
        }
        self.input = .object(input)
        self.launch = launch
        self.environment = environment
        self.directory = place.descriptor
    }

    private static func check(
        _ arguments: [String], limits: CommandLimits
    ) throws(FreezeError) {
        guard !arguments.isEmpty else { throw .noCommand }
        guard arguments.count <= limits.arguments,
            arguments.reduce(0, { $0 + $1.utf8.count }) <= limits.argumentBytes
        else { throw .tooLarge(what: "the command", limit: limits.argumentBytes) }
        for (index, word) in arguments.enumerated() {
            if word.utf8.contains(0) { throw .notText(what: "word \(index) of the command") }
            if GateToken.isContained(in: word) {
                throw .containsToken(what: "word \(index) of the command")
            }
        }
    }

    private static func json(_ account: CommandAccount) -> JSON {
        var object: JSONObject = [
            "uid": .int(Int64(account.userID)), "user": .string(account.name),
        ]
        if let home = account.home { object["home"] = .string(home) }
        return .object(object)
    }

    private static func json(_ input: CommandInput, limits: CommandLimits) -> JSON {
        guard case .bytes(let bytes) = input else { return ["kind": "null"] }
        var object: JSONObject = [
            "digest": .string("sha256:" + Hex.encode(SHA256.hash(data: bytes))),
            "kind": "bytes", "size": .int(Int64(bytes.count)),
        ]
        if bytes.count <= limits.shownBytes {
            if let text = ShownText.text(bytes) {
                object["text"] = .string(text)
            } else {
                object["base64"] = .string(Data(bytes).base64EncodedString())
            }
        }
        return .object(object)
    }
}

/// Text that can be shown as it is.
enum ShownText {
    /// The bytes as text; nil when they are not UTF-8 or contain NUL.
    static func text(_ bytes: [UInt8]) -> String? {
        guard !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// A working directory that is open.
private struct WorkingDirectory {
    let path: String
    let identity: String
    let descriptor: Descriptor

    init(_ given: String) throws(FreezeError) {
        guard let path = SystemPath.canonical(given) else {
            throw .unreadable(path: given, cause: SystemFailure(errno).description)
        }
        do throws(SystemFailure) {
            descriptor = try Descriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
            // A folder above could have been exchanged for a link after the path was resolved.
            if let real = descriptor.realPath(), !real.utf8.elementsEqual(path.utf8) {
                throw SystemFailure(text: "it changed while it was opened, try again")
            }
            let found = try descriptor.identity()
            // A directory made anew under the same name is another directory.
            identity = "\(found.device):\(found.inode)"
        } catch {
            throw .unreadable(path: path, cause: error.description)
        }
        self.path = path
    }
}

extension CommandLaunch {
    /// The interpreter of a script, with its own interpreter inside it where it is one in turn.
    fileprivate func interpreterJSON(_ form: FileForm) -> JSON? {
        var json: JSON?
        for file in interpreters.reversed() {
            guard case .object(var object) = form.json(file, isExecutable: true) else { continue }
            if let inner = json { object["interpreter"] = inner }
            json = .object(object)
        }
        if json == nil, mainScript != nil { json = form.json(executable, isExecutable: true) }
        return json
    }
}
