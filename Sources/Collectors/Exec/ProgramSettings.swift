// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Foundation
internal import TransparencyLog

/// Which program is run, as the settings of a source say it.
///
/// `{"argv":["/usr/bin/python3","-I","/opt/look.py"],"sha256":{"/usr/bin/python3":"…",
/// "/opt/look.py":"…"},"environment":{"LANG":"C.UTF-8","HOME":null},"timeout":30}`
///
/// No shell is involved. Each file in `sha256` is read before each run and must be the one that
/// was approved: the program is executed from the descriptor that was hashed, the others are handed
/// to it as copies that nobody can change, in the place of the arguments that name them.
struct ProgramSettings: Sendable, Hashable {
    /// The program by its absolute path, and its arguments.
    let arguments: [String]
    /// SHA-256 of files by their paths.
    let digests: [String: Hash256]
    /// Variables by their names: a value, or nil for that of this process.
    ///
    /// All others are absent.
    let environment: [String: String?]
    /// Seconds after which it is ended with all it started.
    let timeout: Int64

    private static let maximumArguments = 256
    private static let maximumArgumentBytes = 65_536
    private static let maximumVariables = 64
    private static let maximumFiles = 8
    private static let defaultTimeout: Int64 = 30
    static let maximumTimeout: Int64 = 600

    /// Reads the members of a program; others are left for the caller.
    init(_ reader: inout JSONReader) throws(JSONShapeError) {
        let arguments = try reader.strings("argv")
        guard let program = arguments.first, program.hasPrefix("/") else {
            throw reader.error("argv", "begin with the absolute path of a program")
        }
        let size = arguments.reduce(0) { $0 + $1.utf8.count }
        guard arguments.count <= Self.maximumArguments, size <= Self.maximumArgumentBytes,
            !arguments.contains(where: { $0.utf8.contains(0) })
        else {
            throw reader.error(
                "argv",
                "at most \(Self.maximumArguments) arguments of \(Self.maximumArgumentBytes) bytes "
                    + "together, without NUL")
        }
        self.arguments = arguments
        digests = try Self.digests(&reader, program)
        let unnamed = digests.keys.first { !arguments.contains($0) }
        if let unnamed {
            throw reader.error(
                "sha256",
                "no argument is `\(ShownText.line(unnamed))`: what is read otherwise is "
                    + "not what was hashed")
        }
        environment = try Self.environment(&reader)
        timeout = try reader.optionalInt("timeout") ?? Self.defaultTimeout
        guard (1...Self.maximumTimeout).contains(timeout) else {
            throw reader.error("timeout", "from 1 to \(Self.maximumTimeout) seconds")
        }
    }

    private static func digests(
        _ reader: inout JSONReader, _ program: String
    ) throws(JSONShapeError) -> [String: Hash256] {
        guard case .object(let members) = try reader.value("sha256") else {
            throw reader.error("sha256", "expected an object of digests by paths")
        }
        var digests: [String: Hash256] = [:]
        for (path, value) in members {
            guard path.hasPrefix("/"), let text = value.stringValue, let hash = Hash256(hex: text)
            else {
                throw reader.error("sha256", "give 64 lower-case hex digits by an absolute path")
            }
            digests[path] = hash
        }
        guard digests.count == members.count, digests.count <= maximumFiles else {
            throw reader.error("sha256", "at most \(maximumFiles) files, each once")
        }
        guard digests[program] != nil else {
            throw reader.error(
                "sha256",
                "the digest of `\(ShownText.line(program))` is missing; `sha256sum` "
                    + "tells it")
        }
        return digests
    }

    private static func environment(
        _ reader: inout JSONReader
    ) throws(JSONShapeError) -> [String: String?] {
        guard let value = reader.optionalValue("environment"), !value.isNull else { return [:] }
        guard case .object(let members) = value, members.count <= maximumVariables else {
            throw reader.error(
                "environment", "expected an object of at most \(maximumVariables) variables")
        }
        var environment: [String: String?] = [:]
        for (name, value) in members {
            let isName = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3D }
            guard isName, !name.isEmpty else {
                throw reader.error("environment", "`\(ShownText.line(name))` is no name")
            }
            // The loader would run other code than what was hashed; tokens stay here.
            guard !name.hasPrefix("LD_"), !name.hasPrefix("EXEQUATUR_"), name != "GLIBC_TUNABLES"
            else {
                throw reader.error(
                    "environment", "`\(ShownText.line(name))` is never handed on; remove it")
            }
            switch value {
            case .null: environment.updateValue(nil, forKey: name)
            case .string(let text) where !text.utf8.contains(0): environment[name] = text
            default:
                throw reader.error(
                    "environment",
                    "`\(ShownText.line(name))`: give a text, or null for the value "
                        + "that this process has")
            }
        }
        return environment
    }

    /// The variables as a program gets them.
    var variables: [String] {
        let own = ProcessInfo.processInfo.environment
        return environment.compactMap { name, value in
            (value ?? own[name]).map { "\(name)=\($0)" }
        }.sorted()
    }
}
