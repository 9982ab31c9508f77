// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// What a host's settings say about our hook.
public struct HookArming: Sendable, Hashable {
    /// The command line that the host would run; nil when there is none of ours.
    public var command: String?
    /// Cursor's setting that failures block.
    public var isFailClosed = false
    /// How long the host waits for it.
    public var timeout: Duration?
    /// What keeps the gate from being armed, one line each.
    public var faults: [String] = []

    /// Makes an empty one.
    public init() {}
}

extension HookSettings {
    /// Looks for our hook as the host would, and for what disarms it.
    public func arming() -> HookArming {
        var arming = HookArming()
        guard let json = try? JSON(parsing: bytes, limits: .files) else {
            arming.faults = ["there are no settings"]
            return arming
        }
        for name in ["disableAllHooks", "allowManagedHooksOnly"]
        where json[name]?.boolValue ?? false {
            arming.faults.append("`\(name)` is set: hooks in this file do not run")
        }
        if host == .gemini {
            // Both places have been in use for switching hooks off.
            let isOff =
                json["hooksConfig"]?["enabled"]?.boolValue == false
                || json["tools"]?["enableHooks"]?.boolValue == false
            let names = json["hooksConfig"]?["disabled"]?.arrayValue ?? []
            if !names.isEmpty {
                arming.faults.append("`hooksConfig.disabled` switches hooks off by name: empty it")
            }
            if isOff { arming.faults.append("hooks are switched off in these settings") }
        }
        if host == .cursor, json["version"]?.intValue != 1 {
            arming.faults.append("`version` is not 1: Cursor does not read the file")
        }
        let groups = json["hooks"]?[host.beforeEvent]?.arrayValue ?? []
        for group in groups {
            guard let entry = entries(of: group).first(where: isOurs) else { continue }
            read(entry, in: group, &arming)
            return arming
        }
        arming.faults.append("`hooks.\(host.beforeEvent)` has no hook of Exequatur")
        return arming
    }

    private func entries(of group: JSON) -> [JSON] {
        host == .cursor ? [group] : group["hooks"]?.arrayValue ?? []
    }

    private func isOurs(_ entry: JSON) -> Bool {
        entry["command"]?.stringValue.map { HookCommand.isOurs($0, host: host) } ?? false
    }

    private func read(_ entry: JSON, in group: JSON, _ arming: inout HookArming) {
        arming.command = entry["command"]?.stringValue
        let matcher = group["matcher"]?.stringValue ?? ""
        if !["", "*", ".*"].contains(where: { matcher.utf8.elementsEqual($0.utf8) }) {
            arming.faults.append("its matcher `\(matcher)` leaves tools out: use `.*`")
        }
        if let condition = entry["if"]?.stringValue {
            arming.faults.append("its `if` leaves calls out: `\(condition)`")
        }
        if entry["async"]?.boolValue ?? false {
            arming.faults.append("it is `async`: the host does not wait for its answer")
        }
        if host != .cursor, !(entry["type"]?.stringValue ?? "").utf8.elementsEqual("command".utf8) {
            arming.faults.append("its type is not `command`")
        }
        arming.isFailClosed = entry["failClosed"]?.boolValue ?? false
        if host == .cursor, !arming.isFailClosed {
            arming.faults.append("`failClosed` is not true: Cursor runs tools when it fails")
        }
        let unit = host.timeoutUnitsPerSecond
        let timeout = entry["timeout"]?.intValue.flatMap { $0 > 0 ? $0 : nil }
        arming.timeout = timeout.map { .milliseconds($0 * (1_000 / unit)) }
        guard let deadline = Self.deadline(in: arming.command ?? "") else {
            arming.faults.append("its `--deadline` is not understood: write it like 50s")
            return
        }
        let limit = arming.timeout ?? host.defaultTimeout
        // Our watchdog ends the process three seconds after the deadline.
        if deadline + .seconds(4) > limit {
            arming.faults.append(
                "the host waits \(limit.components.seconds) s, our own deadline is"
                    + " \(deadline.components.seconds) s: the host must wait longer")
        }
    }

    /// The deadline that the command itself names, else the usual one; nil when what it names is
    /// not understood.
    private static func deadline(in command: String) -> Duration? {
        let words = command.split(separator: " ").map { $0.filter { $0 != "'" } }
        let option = "--deadline"
        guard let place = words.firstIndex(where: { $0.hasPrefix(option) }) else {
            return .seconds(HookDeadline.usualSeconds)
        }
        let rest = words[place].dropFirst(option.count)
        if rest.first == "=" { return HookDeadline.length(String(rest.dropFirst())) }
        guard rest.isEmpty, place + 1 < words.count else { return nil }
        return HookDeadline.length(words[place + 1])
    }
}

/// How long a hook may take.
public enum HookDeadline {
    /// The default: below the least timeout that a host has by itself.
    public static let usualSeconds: Int64 = 50
    /// No host was found to wait longer than this by default.
    public static let mostSeconds: Int64 = 3_600

    /// Whether a hook may take so long to answer: 1 s to an hour.
    public static func allows(_ length: Duration) -> Bool {
        (1...mostSeconds).contains(length.components.seconds)
    }

    /// A length of time as the command line takes it, like 90s, 10m, 1h or 2d; nil for any other.
    public static func length(_ text: String) -> Duration? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }),
            let number = Int64(text.dropLast()), (0...100_000_000).contains(number)
        else { return nil }
        return .seconds(number * unit)
    }
}
