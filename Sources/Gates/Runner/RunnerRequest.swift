// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
internal import ExequaturClient
internal import Foundation

/// What an agent asks a command runner to run: words, and nothing else that could be executed.
package struct RunnerRequest: Sendable, Hashable {
    /// The words of the command.
    package var arguments: [String]
    /// Why, in the agent's words.
    package var reason: String?
    /// How long to wait for a decision, whole seconds.
    package var wait: Duration
    /// Standard input, read to its end.
    package var input: CommandInput
    /// Variables of the agent's own that it asks to pass on.
    package var variables: [String: String]
    /// Paths of files that the approval covers, as the runner sees them.
    package var bindings: [String]
    /// Where to run it; nil: in the runner's own folder.
    package var directory: String?
    /// Effects that it declares, as the operation has them.
    package var effects: [JSON]
    /// Further subjects that it changes and that the runner looks at, `file:` and an absolute path,
    /// on the runner's machine.
    package var affects: [String]

    /// Bytes of a request: the words and the variables, escaped, and standard input in base64.
    package static let maximumBytes = 4_194_304
    private static let longestWait: Int64 = 604_800
    private static let reasonBytes = 16_384
    private static let pathBytes = 4_096
    private static let variables = 64
    private static let variableBytes = 32_768
    private static let mostEffects = 256

    /// Makes a request.
    package init(
        arguments: [String], reason: String?, wait: Duration, input: CommandInput,
        variables: [String: String], bindings: [String], directory: String?,
        effects: [JSON] = [], affects: [String] = []
    ) {
        self.arguments = arguments
        self.reason = reason
        self.wait = wait
        self.input = input
        self.variables = variables
        self.bindings = bindings
        self.directory = directory
        self.effects = effects
        self.affects = affects
    }

    /// The request as it is sent.
    package var json: JSON {
        var object: JSONObject = [
            "argv": .array(arguments.map { .string($0) }),
            "bind": .array(bindings.map { .string($0) }),
            "wait": .int(wait.components.seconds),
        ]
        if let reason { object["reason"] = .string(reason) }
        if let directory { object["directory"] = .string(directory) }
        if !effects.isEmpty { object["effects"] = .array(effects) }
        if !affects.isEmpty { object["affects"] = .array(affects.map { .string($0) }) }
        if case .bytes(let bytes) = input {
            object["stdin"] = .string(Data(bytes).base64EncodedString())
        }
        var named = JSONObject()
        for (name, value) in variables { named[name] = .string(value) }
        object["environment"] = .object(named)
        return .object(object)
    }

    /// Reads a request strictly.
    /// - Throws: ``RunnerRefusal`` that says which member is wrong.
    package init(_ bytes: [UInt8]) throws(RunnerRefusal) {
        var limits = JSONLimits.default
        limits.maximumBytes = Self.maximumBytes
        do {
            var reader = try JSONReader(try JSON(parsing: bytes, limits: limits))
            arguments = try reader.strings("argv")
            bindings = try reader.optionalStrings("bind") ?? []
            reason = try reader.optionalString("reason")
            directory = try reader.optionalString("directory")
            effects = try reader.optionalArray("effects") ?? []
            affects = try reader.optionalStrings("affects") ?? []
            let seconds = try reader.int("wait")
            guard (0...Self.longestWait).contains(seconds) else {
                throw reader.error("wait", "0 to \(Self.longestWait) seconds")
            }
            wait = .seconds(seconds)
            input = try Self.input(&reader)
            variables = try Self.variables(&reader)
            try reader.finish()
        } catch {
            throw RunnerRefusal(.malformed, "the request: \(error)")
        }
        try check()
    }

    private static func input(_ reader: inout JSONReader) throws -> CommandInput {
        guard let text = try reader.optionalString("stdin") else { return .null }
        guard let data = Data(base64Encoded: text) else {
            throw reader.error("stdin", "expected base64")
        }
        guard data.count <= CommandLimits.default.inputBytes else {
            throw reader.error("stdin", "at most \(CommandLimits.default.inputBytes) bytes")
        }
        return data.isEmpty ? .null : .bytes(Array(data))
    }

    private static func variables(_ reader: inout JSONReader) throws -> [String: String] {
        guard let value = reader.optionalValue("environment") else { return [:] }
        guard case .object(let object) = value else {
            throw reader.error("environment", "expected an object")
        }
        var found: [String: String] = [:]
        for (name, value) in object {
            guard let text = value.stringValue else {
                throw reader.error("environment", "each value is a string")
            }
            found[name] = text
        }
        guard found.count == object.count, found.count <= variables,
            found.allSatisfy({ $0.key.utf8.count + $0.value.utf8.count <= variableBytes })
        else {
            throw reader.error(
                "environment", "at most \(variables) variables of \(variableBytes) bytes each")
        }
        return found
    }

    /// What no command and no path may contain.
    private func check() throws(RunnerRefusal) {
        guard (reason?.utf8.count ?? 0) <= Self.reasonBytes else {
            throw RunnerRefusal(.malformed, "`reason` has at most \(Self.reasonBytes) bytes")
        }
        let paths = bindings + [directory].compactMap { $0 }
        guard paths.allSatisfy({ (1...Self.pathBytes).contains($0.utf8.count) }) else {
            throw RunnerRefusal(.malformed, "paths have 1 to \(Self.pathBytes) bytes")
        }
        guard effects.count + affects.count <= Self.mostEffects else {
            throw RunnerRefusal(.malformed, "at most \(Self.mostEffects) effects")
        }
        for subject in affects {
            guard subject.utf8.starts(with: "file:/".utf8), subject.utf8.count <= Self.pathBytes
            else {
                throw RunnerRefusal(
                    .malformed, "`affects` has `file:` and absolute paths on the runner's machine")
            }
        }
        // The system takes a NUL for the end: what was approved would not be what is executed.
        let texts = arguments + paths + affects + variables.flatMap { [$0.key, $0.value] }
        guard !texts.contains(where: { $0.utf8.contains(0) }) else {
            throw RunnerRefusal(.malformed, "a NUL in a word, a path or a variable: remove it")
        }
    }
}

/// Why a runner does not even ask for a command.
package struct RunnerRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds, each with its HTTP status.
    package enum Kind: Int, Sendable {
        case malformed = 400
        case unauthenticated = 401
        case forbidden = 403
        case tooLarge = 413
        case wrongType = 415
        case tooMany = 429
        case unavailable = 503
    }

    /// What kind it is.
    package let kind: Kind
    /// One line, lowercase, that says what to do next.
    package let description: String

    /// Makes a refusal.
    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
