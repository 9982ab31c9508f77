// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Foundation

/// A name in a folder that was reached without following a link, however the path is changed
/// meanwhile.
struct FilePlace: ~Copyable {
    /// The folder, open.
    let folder: Int32
    /// The last part of the path.
    let name: String
    let path: [UInt8]

    /// Opens the folders of an absolute path one after the other.
    ///
    /// - Throws: ``RestoreError`` where one is missing, is a link, or may not be entered.
    init(_ path: [UInt8]) throws(RestoreError) {
        self.path = path
        var names = path.split(separator: UInt8(ascii: "/")).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard path.first == UInt8(ascii: "/"), let last = names.popLast(),
            String(validating: path, as: UTF8.self) != nil
        else { throw RestoreError("a path that can't be restored by name") }
        var folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        for name in names where folder >= 0 {
            let next = clinux_open_folder(folder, name)
            close(folder)
            folder = next
        }
        guard folder >= 0 else {
            throw RestoreError(
                "its folder can't be entered: \(String(cString: strerror(-folder)))")
        }
        self.folder = folder
        name = last
    }

    deinit { close(folder) }

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
