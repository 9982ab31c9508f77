// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// The settings file of a host, with our hooks put into it.
public struct HookSettings: Sendable, Hashable {
    /// Whose file it is.
    public let host: HookHost
    /// The file's bytes; empty where there was none.
    public let bytes: [UInt8]

    /// Bytes of a settings file.
    public static let mostBytes = 4_194_304

    /// Takes the bytes of a settings file.
    /// - Throws: ``HookSettingsError`` where they are not strict JSON of the expected shape.
    public init(host: HookHost, bytes: [UInt8]) throws(HookSettingsError) {
        self.host = host
        self.bytes = bytes
        guard !isEmpty else { return }
        var limits = JSONLimits.default
        limits.maximumBytes = Self.mostBytes
        let json: JSON
        do throws(JSONParseError) {
            json = try JSON(parsing: bytes, limits: limits)
        } catch {
            throw HookSettingsError(
                "it is not strict JSON, so it is left as it is: \(error); take comments and"
                    + " trailing commas out, or add the hook by hand")
        }
        guard case .object = json else { throw HookSettingsError("it is not an object") }
        if host == .cursor, let version = json["version"], version.intValue != 1 {
            throw HookSettingsError("its `version` is not 1, which is all that is known here")
        }
        guard let hooks = json["hooks"] else { return }
        guard case .object(let events) = hooks else {
            throw HookSettingsError("its `hooks` is not an object")
        }
        for event in [host.beforeEvent] + host.afterEvents {
            guard let list = events[event] else { continue }
            guard let entries = list.arrayValue,
                entries.allSatisfy({ $0.objectValue != nil })
            else { throw HookSettingsError("its `hooks.\(event)` is not a list of objects") }
        }
    }

    private var isEmpty: Bool {
        bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
    }

    // MARK: installing

    /// The file with our hooks in it, and everything else byte for byte as it was.
    ///
    /// Hooks of ours that are there already are replaced, so that installing twice changes nothing.
    /// - Parameters:
    ///   - command: what the host is to run.
    ///   - timeoutSeconds: how long the host is to wait for the verdict; above our own deadline.
    ///   - outcomes: install the hooks after a tool ran as well.
    /// - Returns: the new bytes.
    /// - Throws: ``HookSettingsError``.
    public func installing(
        _ command: HookCommand, timeoutSeconds: Int64, outcomes: Bool
    ) throws(HookSettingsError) -> [UInt8] {
        guard timeoutSeconds > command.deadlineSeconds else {
            throw HookSettingsError("the host's timeout must be longer than our own deadline")
        }
        var text = JSONText(isEmpty ? Array("{\n}\n".utf8) : bytes)
        if host == .cursor, text.member("version", of: text.root) == nil {
            text.append("\"version\": 1", to: text.root)
        }
        if text.member("hooks", of: text.root) == nil {
            text.append("\"hooks\": {}", to: text.root)
        }
        let before = entry(command.before, timeoutSeconds: timeoutSeconds, isBefore: true)
        try put(before, into: host.beforeEvent, &text)
        guard outcomes else { return text.bytes }
        for event in host.afterEvents {
            let after = entry(
                command.after, timeoutSeconds: Self.afterSeconds, isBefore: false)
            try put(after, into: event, &text)
        }
        return text.bytes
    }

    /// A report is kept for the next run after less than this.
    private static let afterSeconds: Int64 = 15

    private func put(
        _ entry: String, into event: String, _ text: inout JSONText
    ) throws(HookSettingsError) {
        guard let hooks = text.member("hooks", of: text.root) else {
            throw HookSettingsError("its `hooks` cannot be found")
        }
        guard let list = text.member(event, of: hooks) else {
            let lines = Self.indented(entry)
            text.append("\"\(event)\": [\n\(lines)\n]", to: hooks)
            return
        }
        let ours = text.elements(of: list).filter { place in
            text.value(at: place).map(isOurs) ?? false
        }
        guard let first = ours.first else {
            text.append(entry, to: list)
            return
        }
        guard ours.count == 1 else {
            throw HookSettingsError(
                "its `hooks.\(event)` has several hooks of Exequatur: take all but one out")
        }
        guard hasOnlyOurs(text.value(at: first)) else {
            throw HookSettingsError(
                "its `hooks.\(event)` has Exequatur and other hooks in one group: put them into"
                    + " groups of their own")
        }
        let margin = text.indentation(before: first.lowerBound)
        let lines = entry.split(separator: "\n", omittingEmptySubsequences: false)
        let placed = lines.enumerated().map { ($0.offset == 0 ? "" : margin) + $0.element }
        text.replace(first, with: placed.joined(separator: "\n"))
    }

    private static func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { "  " + $0 }.joined(separator: "\n")
    }

    private func entry(_ command: String, timeoutSeconds: Int64, isBefore: Bool) -> String {
        let text = (try? JSON.string(command).canonicalString()) ?? "\"\""
        let timeout = timeoutSeconds * host.timeoutUnitsPerSecond
        if host == .cursor {
            let closed = isBefore ? ",\n  \"failClosed\": true" : ""
            return "{\n  \"command\": \(text),\n  \"timeout\": \(timeout)\(closed)\n}"
        }
        let name = host == .gemini ? "\n      \"name\": \"exequatur\"," : ""
        return """
            {
              "matcher": "\(host == .claudeCode ? "*" : ".*")",
              "hooks": [
                {
                  "type": "command",\(name)
                  "command": \(text),
                  "timeout": \(timeout)
                }
              ]
            }
            """
    }

    private func isOurs(_ entry: JSON) -> Bool {
        commands(of: entry).contains { HookCommand.isOurs($0, host: host) }
    }

    private func hasOnlyOurs(_ entry: JSON?) -> Bool {
        guard let entry else { return false }
        return commands(of: entry).allSatisfy { HookCommand.isOurs($0, host: host) }
    }

    private func commands(of entry: JSON) -> [String] {
        if host == .cursor { return [entry["command"]?.stringValue].compactMap { $0 } }
        return (entry["hooks"]?.arrayValue ?? []).map { $0["command"]?.stringValue ?? "" }
    }
}

/// Why a settings file is left as it is.
public struct HookSettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One lowercase line about the file.
    public let description: String

    init(_ description: String) { self.description = description }
}
