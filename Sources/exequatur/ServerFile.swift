// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Channels
internal import Foundation

/// The configuration file of `exequatur serve`: strict JSON, so that a mistyped name is told and
/// not passed over.
struct ServerFile {
    var channels: [ChannelSettings] = []

    private static let limit = 1_048_576

    /// Reads a file; paths in it are relative to it.
    init(path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CLIError("`\(path)` can't be read")
        }
        guard data.count <= Self.limit else { throw CLIError("`\(path)` is larger than 1 MiB") }
        let folder = (path as NSString).deletingLastPathComponent
        do {
            var reader = try JSONReader(try JSON(parsing: [UInt8](data)))
            if let json = reader.optionalValue("channels") {
                channels = try ChannelSettings.read(json) { file in
                    try Self.secret(file, folder)
                }
            }
            try reader.finish()
        } catch let error as CLIError {
            throw error
        } catch {
            throw CLIError("`\(path)`: \(error)")
        }
    }

    private static func secret(_ file: String, _ folder: String) throws -> String {
        let path =
            file.hasPrefix("/") || folder.isEmpty ? file : "\(folder)/\(file)"
        guard let data = FileManager.default.contents(atPath: path), data.count <= 65_536,
            let text = String(validating: data, as: UTF8.self)
        else { throw CLIError("the secret file `\(path)` can't be read") }
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
}
