// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

extension DirectionRules {
    /// What this target knows of the kinds of sources; PostgreSQL's is added by who composes.
    package static let standard = DirectionRules([
        .files: [.files, .content],
        .terraform: [.content],
        .http: [.content],
        .exec: [.content],
        .mcp: [.tools],
        .exequatur: [.ownRules],
    ])
}

extension DirectionComparator {
    /// Modes, owners, capabilities and access lists of files.
    package static let files = DirectionComparator("files") { deviation in
        guard let member = deviation.path.steps.first?.member else {
            return wholeFile(deviation)
        }
        switch member {
        case "mode":
            return mode(deviation.before, deviation.after)
        case "uid", "gid":
            return .broadening
        case "capabilities":
            return deviation.after == nil ? .narrowing : .broadening
        case "acl", "defaultAcl":
            // An entry of an access list can allow and deny.
            return .broadening
        case "type":
            return .broadening
        case "content", "sha256", "size":
            // Who may do what stands in these: any other text may allow more.
            return isSensitive(deviation.subject) ? .broadening : nil
        default:
            return nil
        }
    }

    /// A file that was not there gives rights where its mode does, or where it is read by what
    /// gives rights.
    private static func wholeFile(_ deviation: Deviation) -> DriftDirection? {
        switch (deviation.before, deviation.after) {
        case (nil, let after?):
            let bits = octal(after["mode"]) ?? 0
            let isLoose = bits & 0o6000 != 0 || (bits & 0o002 != 0 && bits & 0o1000 == 0)
            let isLink = after["type"]?.stringValue == "symlink"
            if isLoose && !isLink { return .broadening }
            return isSensitive(deviation.subject) ? .broadening : .neutral
        case (_?, nil):
            return isSensitive(deviation.subject) ? .narrowing : .neutral
        default: return .broadening
        }
    }

    private static func mode(_ before: JSON?, _ after: JSON?) -> DriftDirection {
        guard let before = octal(before), let after = octal(after) else { return .broadening }
        // The sticky bit takes rights away, all others give some.
        let (old, new) = (before ^ 0o1000, after ^ 0o1000)
        if new & ~old != 0 { return .broadening }
        return old & ~new != 0 ? .narrowing : .neutral
    }

    private static func octal(_ value: JSON?) -> UInt32? {
        value?.stringValue.flatMap { UInt32($0, radix: 8) }
    }

    /// Places of which each file says who may do what, or is run by root.
    private static func isSensitive(_ subject: String) -> Bool {
        let folders = [
            "file:/etc/sudoers", "file:/etc/cron", "file:/etc/ld.so", "file:/etc/pam.d/",
            "file:/etc/profile", "file:/etc/security/", "file:/etc/ssh/", "file:/etc/systemd/",
            "file:/etc/polkit-1/", "file:/var/spool/cron/", "file:/usr/lib/systemd/",
        ]
        return folders.contains { subject.utf8.starts(with: $0.utf8) }
            || subject.hasSuffix("/authorized_keys") || subject.hasSuffix("/authorized_keys2")
    }

    /// Tools of an MCP server: what is new or different, nobody has looked at.
    package static let tools = DirectionComparator("mcp") { deviation in
        deviation.path.steps.isEmpty && deviation.after == nil ? .narrowing : .broadening
    }

    /// This server's own rules: every change may let something through.
    package static let ownRules = DirectionComparator("exequatur") { _ in .broadening }
}
