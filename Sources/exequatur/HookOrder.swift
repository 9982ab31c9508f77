// SPDX-License-Identifier: Apache-2.0

internal import Gates

/// How a host is to be answered.
struct HookOrder {
    let host: HookHost
    var deadline = Duration.seconds(HookDeadline.usualSeconds)
    var defers = false
    var keepsPrompts = false
    var connection = ConnectionChoice()

    /// What was parsed and found valid.
    init(_ command: Hook) {
        host = command.host
        deadline = command.deadline.duration
        defers = command.defers
        keepsPrompts = command.keepsPrompts
        connection = command.connection.choice
    }

    /// Reads the plain form in which `install` writes options; nil for any other, and for what is
    /// wrong: the argument parser reads that, and says what it is.
    init?(_ words: [String]) {
        guard let host = words.first.flatMap(HookHost.init(rawValue:)) else { return nil }
        self.host = host
        var seen: Set<String> = []
        var rest = words.dropFirst()
        while let name = rest.popFirst() {
            guard seen.insert(name).inserted else { return nil }
            switch name {
            case "--defer": defers = true
            case "--keep-prompts": keepsPrompts = true
            case "--insecure": connection.insecure = true
            default:
                guard let value = rest.popFirst(), !value.isEmpty, !value.hasPrefix("-"),
                    take(value, for: name)
                else { return nil }
            }
        }
        guard host == .claudeCode || !(defers || keepsPrompts) else { return nil }
    }

    private mutating func take(_ value: String, for name: String) -> Bool {
        switch name {
        case "--url": connection.url = value
        case "--token-file": connection.tokenFile = value
        case "--deadline":
            guard let length = HookDeadline.length(value), HookDeadline.allows(length) else {
                return false
            }
            deadline = length
        default: return false
        }
        return true
    }
}
