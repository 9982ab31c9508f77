// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Channels
internal import Foundation
internal import Server
internal import TransparencyLog

/// The configuration file of `exequatur serve`: strict JSON, so that a mistyped name is told and
/// not passed over.
struct ServerFile {
    var channels: [ChannelSettings] = []
    /// By whom people sign in.
    var signIn = SignInSettings.none
    /// Of the file's bytes.
    let digest: Hash256
    /// Files of secrets that others may read.
    private(set) var warnings: [String] = []

    private static let limit = 1_048_576

    /// Reads a file; paths in it are relative to it.
    init(path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CLIError("`\(path)` can't be read")
        }
        guard data.count <= Self.limit else { throw CLIError("`\(path)` is larger than 1 MiB") }
        digest = Hash256.sha256([UInt8](data))
        let folder = (path as NSString).deletingLastPathComponent
        var readable: [String] = []
        do {
            var reader = try JSONReader(try JSON(parsing: [UInt8](data)))
            let secrets = { (file: String) throws -> String in
                let (text, path) = try Self.secret(file, folder)
                if Self.isOpen(path), !text.hasPrefix("-----BEGIN CERTIFICATE") {
                    readable.append(path)
                }
                return text
            }
            if let json = reader.optionalValue("channels") {
                channels = try ChannelSettings.read(json, secret: secrets)
            }
            if let json = reader.optionalValue("signIn") {
                signIn = try SignInSettings.read(json, secrets: secrets)
            }
            try reader.finish()
            warnings = readable.map { "`\($0)` holds a secret and others may read it: chmod 600" }
        } catch let error as CLIError {
            throw error
        } catch {
            throw CLIError("`\(path)`: \(error)")
        }
    }

    /// Whether anybody but its owner may read a file.
    private static func isOpen(_ path: String) -> Bool {
        let mode = try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        return (mode as? NSNumber).map { $0.intValue & 0o077 != 0 } ?? false
    }

    private static func secret(
        _ file: String, _ folder: String
    ) throws -> (text: String, path: String) {
        let path =
            file.hasPrefix("/") || folder.isEmpty ? file : "\(folder)/\(file)"
        guard let data = FileManager.default.contents(atPath: path), data.count <= 65_536,
            let text = String(validating: data, as: UTF8.self)
        else { throw CLIError("the secret file `\(path)` can't be read") }
        return (text.hasSuffix("\n") ? String(text.dropLast()) : text, path)
    }
}
