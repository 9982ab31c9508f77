// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// One thing that is no longer as it was frozen.
public struct BindingMismatch: Sendable, Hashable, CustomStringConvertible {
    /// What kind of thing it is.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case executable, interpreter, script, directory, environment, input, binding, operand
        case configuration, other
    }

    /// What kind of thing it is.
    public let kind: Kind
    /// One line, lowercase: what it was and what it is.
    public let description: String

    /// False for files that are merely named: their change is reported, and refused only where
    /// policy says so.
    public var isRefused: Bool { kind != .operand }
}

/// A command that was found to be what was frozen, ready to be executed from the descriptors
/// that were hashed.
public struct PreparedCommand: Sendable {
    let snapshot: CommandSnapshot
    let input: CommandInput
    /// Operand files that changed meanwhile.
    public let reports: [BindingMismatch]
}

/// The check right before execution.
public enum CommandBinding {
    /// What the check found.
    public enum Result: Sendable {
        /// Everything bound is as frozen.
        case ready(PreparedCommand)
        /// Something is not; nothing may be executed.
        case mismatch([BindingMismatch])
    }

    /// Recomputes everything that was frozen and compares.
    ///
    /// It never throws: what cannot be read any more is a mismatch.
    public static func recheck(_ frozen: FrozenCommand) -> Result {
        let snapshot: CommandSnapshot
        do throws(FreezeError) {
            snapshot = try CommandSnapshot(
                frozen.request, frozen.surroundings, key: frozen.key, limits: frozen.limits)
        } catch {
            return .mismatch([BindingMismatch(kind: kind(of: error), description: "\(error)")])
        }
        let found = mismatches(frozen: frozen.input, now: snapshot.input)
        let refused = found.filter(\.isRefused)
        guard refused.isEmpty else { return .mismatch(found) }
        return .ready(
            PreparedCommand(snapshot: snapshot, input: frozen.surroundings.input, reports: found))
    }

    /// The mismatches between two inputs of `command.run`, in the order of their members.
    static func mismatches(frozen: JSON, now: JSON) -> [BindingMismatch] {
        guard let before = frozen.objectValue, let after = now.objectValue else {
            return [BindingMismatch(kind: .other, description: "the input is not an object")]
        }
        var names = before.keys
        names += after.keys.filter { before[$0] == nil }
        return names.flatMap { name -> [BindingMismatch] in
            let (was, isNow) = (before[name], after[name])
            if was == isNow { return [] }
            let kind = Self.kinds[name] ?? .other
            if let listed = listed(kind, was, isNow) { return listed }
            return [
                BindingMismatch(kind: kind, description: "\(name): \(change(was, isNow))")
            ]
        }
    }

    /// Lists are compared file by file.
    private static func listed(
        _ kind: BindingMismatch.Kind, _ was: JSON?, _ isNow: JSON?
    ) -> [BindingMismatch]? {
        guard let old = was?.arrayValue, let new = isNow?.arrayValue,
            [.binding, .operand, .configuration].contains(kind)
        else { return nil }
        return (0..<max(old.count, new.count)).compactMap { index in
            let (was, isNow) = (old[safe: index], new[safe: index])
            if was == isNow { return nil }
            return BindingMismatch(kind: kind, description: "\(kind): \(change(was, isNow))")
        }
    }

    /// Says what differs without repeating long texts.
    private static func change(_ was: JSON?, _ isNow: JSON?) -> String {
        "was \(brief(was)), is \(brief(isNow))"
    }

    private static func brief(_ value: JSON?) -> String {
        guard let value else { return "absent" }
        if let text = value.stringValue { return "`\(text.prefix(120))`" }
        if let path = value["path"]?.stringValue {
            let digest = value["digest"]?.stringValue ?? "unhashed"
            return "`\(path.prefix(200))` \(digest)"
        }
        if let object = value.objectValue { return "`\(object.keys.joined(separator: ","))`" }
        return "something else"
    }

    private static let kinds: [String: BindingMismatch.Kind] = [
        "bindings": .binding, "configuration": .configuration, "cwd": .directory,
        "cwdIdentity": .directory, "environment": .environment,
        "environmentDropped": .environment, "executable": .executable,
        "interpreter": .interpreter, "operands": .operand, "script": .script, "stdin": .input,
    ]

    private static func kind(of error: FreezeError) -> BindingMismatch.Kind {
        switch error {
        case .notFound, .notExecutable: .executable
        case .unreadable, .tooLarge: .binding
        case .noCommand, .notText, .containsToken: .other
        }
    }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? {
        indices.contains(index) ? self[index] : nil
    }
}
