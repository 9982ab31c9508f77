// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Foundation

/// A name in a folder that was reached without following a link, however the path is changed
/// meanwhile.
struct FilePlace {
    private let parent: OpenFolder
    /// The last part of the path.
    let name: String

    /// The folder, open as a place.
    var folder: Int32 { parent.descriptor }

    /// Opens the folders of an absolute path one after the other.
    ///
    /// - Throws: ``RestoreError`` where one is missing, is a link, or may not be entered.
    init(_ path: [UInt8]) throws(RestoreError) {
        guard path.first == UInt8(ascii: "/"), let cut = path.lastIndex(of: UInt8(ascii: "/")),
            let name = String(validating: path[(cut + 1)...], as: UTF8.self), !name.isEmpty
        else { throw RestoreError("a path that can't be restored by name") }
        do throws(OpenFolder.Refusal) {
            parent = try OpenFolder(place: Array(path[..<cut]))
        } catch {
            throw RestoreError("its folder can't be entered: \(OpenFolder.failure(error.code))")
        }
        self.name = name
    }

    /// The whole file, if it is one and not longer than `limit`.
    func read(_ limit: Int) throws(RestoreError) -> [UInt8] {
        let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw .last("it does not open") }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        let count = clinux_read(file, &bytes, bytes.count)
        guard count >= 0, count <= limit else { throw RestoreError("it can't be read whole") }
        return Array(bytes.prefix(count))
    }
}

/// Why something is not restored.
struct RestoreError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }

    static func last(_ what: String) -> RestoreError {
        RestoreError("\(what): \(String(cString: strerror(errno)))")
    }
}
