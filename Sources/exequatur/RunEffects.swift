// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Collectors
internal import Gates

/// What `exequatur run` declares of its effects, and how it looks at them.
enum RunEffects {
    /// Looks at files; other subjects have to be declared with their values.
    static func observer(host: String) -> EffectObserver {
        EffectObserver(host: host) { subject in
            switch FileLook.found(subject) {
            case .document(let document): .document(document)
            case .absent: .absent
            case .unknown: .unknown
            }
        }
    }

    private static let filePrefix = "file:"
    private static let fileBytes = 1_048_576

    /// The effects of a command: what the file declares, then what is only named.
    static func declared(affects: [String], file: String?, host: String) throws -> [JSON] {
        var effects: [JSON] = []
        if let file {
            let bytes = try LocalFile.read(file, limit: fileBytes)
            guard case .array(let list) = try JSON(parsing: bytes) else {
                throw CLIError.usage("`\(file)`: expected a JSON array of effects")
            }
            effects = list
        }
        for subject in affects { effects.append(try observed(subject, host)) }
        guard effects.count <= Limits.effects else {
            throw CLIError.usage("at most \(Limits.effects) effects")
        }
        // Said here rather than by the server, with the place in what was given.
        for (position, effect) in effects.enumerated() {
            do {
                _ = try DeclaredEffect(effect, path: "effects[\(position)]")
            } catch {
                throw CLIError.usage("\(error)")
            }
        }
        return effects
    }

    private static func observed(_ subject: String, _ host: String) throws -> JSON {
        [
            "observed": true, "scope": .string(host),
            "subject": .string(try self.subject(subject, elsewhere: false)),
        ]
    }

    /// The name of a file that a command changes, here or on a runner's machine.
    static func subject(_ subject: String, elsewhere: Bool) throws -> String {
        guard subject.utf8.starts(with: filePrefix.utf8) else {
            throw CLIError.usage(
                "`--affects \(subject)`: only `file:PATH` can be observed; declare others with "
                    + "`--effects`")
        }
        let given = String(subject.dropFirst(filePrefix.count))
        guard !elsewhere || given.utf8.first == UInt8(ascii: "/") else {
            throw CLIError.usage(
                "`--affects \(subject)`: with `--runner` an absolute path, as the runner sees it")
        }
        let path = LocalFile.absolute(given)
        guard let normalised = FilePath.normalised(Array(path.utf8)) else {
            throw CLIError.usage("`--affects \(subject)`: not the path of a file")
        }
        return FilePath.subject(normalised)
    }
}
