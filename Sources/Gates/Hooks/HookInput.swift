// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient

/// The JSON that a host writes to its hook's standard input, read strictly.
///
/// Members that a host adds to the envelope are left alone; what is needed must be there and of the
/// right type. Duplicate members, lone surrogates and numbers beyond JSON are refused: the host may
/// read another meaning out of them.
struct HookInput {
    let host: HookHost
    let event: String
    private let members: JSONObject

    /// Bytes of one tool call; more than the server would take.
    static let mostBytes = 2_097_152
    private static let mostPathBytes = 4_096

    init(_ bytes: [UInt8], host: HookHost) throws(HookInputError) {
        guard !bytes.isEmpty else {
            throw HookInputError("\(host.title) sent nothing: is this command run as a hook?")
        }
        var limits = JSONLimits.default
        limits.maximumBytes = Self.mostBytes
        let json: JSON
        do throws(JSONParseError) {
            json = try JSON(parsing: bytes, limits: limits)
        } catch {
            throw HookInputError("what \(host.title) sent is not strict JSON: \(error)")
        }
        guard case .object(let members) = json else {
            throw HookInputError("what \(host.title) sent is not an object")
        }
        guard let event = members["hook_event_name"]?.stringValue, event.utf8.count <= 64 else {
            throw HookInputError("what \(host.title) sent has no `hook_event_name`")
        }
        self.host = host
        self.event = event
        self.members = members
    }

    func failure(_ text: String) -> HookInputError { HookInputError(text, event: event) }

    subscript(_ name: String) -> JSON? { members[name].flatMap { $0.isNull ? nil : $0 } }

    /// A text that must be there.
    func text(_ name: String) throws(HookInputError) -> String {
        guard let text = try optionalText(name), !text.isEmpty else {
            throw failure("what \(host.title) sent has no `\(name)`")
        }
        return text
    }

    /// A text that may be missing or null.
    func optionalText(_ name: String) throws(HookInputError) -> String? {
        guard let value = self[name] else { return nil }
        guard let text = value.stringValue else {
            throw failure("`\(name)` is not a string")
        }
        return text
    }

    /// An object that must be there.
    func object(_ name: String) throws(HookInputError) -> JSONObject {
        guard case .object(let object)? = self[name] else {
            throw failure("`\(name)` is not an object")
        }
        return object
    }

    /// The working directory, which must be absolute.
    func directory() throws(HookInputError) -> String {
        let path = try text("cwd")
        return try absolute(path, "cwd")
    }

    func absolute(_ path: String, _ name: String) throws(HookInputError) -> String {
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count <= Self.mostPathBytes else {
            throw failure("`\(name)` is not an absolute path")
        }
        return path
    }
}

/// The members of a tool's input, taken out one after the other; the rest is kept as it is.
struct ToolInput {
    private var members: JSONObject

    init(_ members: JSONObject) { self.members = members }

    /// Takes the first of these members that is a string.
    mutating func take(_ names: String...) -> String? {
        for name in names {
            guard let text = members[name]?.stringValue else { continue }
            members[name] = nil
            return text
        }
        return nil
    }

    /// A member that stays.
    func text(_ name: String) -> String? { members[name]?.stringValue }

    /// What was not taken; nil when nothing is left.
    var rest: JSON? { members.isEmpty ? nil : .object(members) }
}

/// Paths and names that several hosts write alike.
enum HookPath {
    /// `path` as seen from `directory`, without resolving anything.
    static func join(_ directory: String, _ path: String?) -> String {
        guard let path, !path.isEmpty else { return directory }
        return path.utf8.first == UInt8(ascii: "/") ? path : directory + "/" + path
    }

    /// The files that a patch in the form of `apply_patch` names.
    static func named(inPatch text: String) -> [String] {
        let marks = ["*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: "]
        return text.utf8.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).compactMap { line in
            marks.first { line.starts(with: $0.utf8) }.flatMap { mark in
                String(line.dropFirst(mark.utf8.count))
            }
        }
    }

    /// Server and tool of `mcp__SERVER__TOOL`; nil for other names.
    static func server(in name: String) -> (server: String, tool: String)? {
        let mark = "mcp__"
        guard name.utf8.starts(with: mark.utf8) else { return nil }
        let rest = Array(name.utf8.dropFirst(mark.utf8.count))
        let underline = UInt8(ascii: "_")
        let cut = rest.indices.dropFirst().first {
            rest[$0] == underline && $0 + 2 < rest.count && rest[$0 + 1] == underline
        }
        guard let cut else { return nil }
        return (
            String(decoding: rest[..<cut], as: UTF8.self),
            String(decoding: rest[(cut + 2)...], as: UTF8.self)
        )
    }
}

extension HookCall {
    /// The host names no server: policies see this name.
    static let unnamedServer = "unknown"

    /// Reads what a host sent.
    /// - Parameters:
    ///   - bytes: all of standard input.
    ///   - host: who sent it.
    /// - Returns: the call.
    /// - Throws: ``HookInputError``; nothing may run then.
    public static func read(
        _ bytes: [UInt8], host: HookHost
    ) throws(HookInputError) -> HookCall {
        let input = try HookInput(bytes, host: host)
        switch host {
        case .claudeCode: return try ClaudeCodeHook.call(input)
        case .codex: return try CodexHook.call(input)
        case .cursor: return try CursorHook.call(input)
        case .gemini: return try GeminiHook.call(input)
        }
    }

    /// What the host says of a tool that ended: its own word, and nothing of the tool's output.
    static func outcome(_ response: JSON?, of host: HookHost, failed: Bool) -> Moment {
        let isFailure =
            failed || response.map(Self.tellsFailure) ?? false
        let word = isFailure ? "failed" : "ended"
        return .after(
            isFailure ? .failed : .succeeded, detail: "\(host.rawValue) says that the tool \(word)")
    }

    private static func tellsFailure(_ response: JSON) -> Bool {
        if ["is_error", "isError", "interrupted"].contains(where: {
            response[$0]?.boolValue ?? false
        }) {
            return true
        }
        if let error = response["error"], !error.isNull { return true }
        return ["exit_code", "exitCode"].contains { response[$0]?.intValue ?? 0 != 0 }
    }
}
