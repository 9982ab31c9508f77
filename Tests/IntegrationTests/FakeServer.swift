// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A server that answers with fixed bytes, also such as no server should send.
///
/// One thread, one request for each connection; it ends when its value is released.
final class FakeServer: Sendable {
    /// Bytes in the pieces they are sent in, by the beginning of the path; the longest one wins.
    typealias Routes = [String: [[UInt8]]]

    let port: Int
    private let descriptor: Int32
    private let seen: SeenRequests

    /// The heads of the requests so far.
    var requests: [String] { seen.heads.withLock { $0 } }
    var url: String { "http://127.0.0.1:\(port)" }

    private final class SeenRequests: Sendable {
        let heads = Mutex<[String]>([])
    }

    init(_ routes: Routes) throws {
        let descriptor = try Socket.make()
        port = try Socket.bindAnywhere(descriptor)
        guard listen(descriptor, 16) == 0 else { throw HarnessError("cannot listen: \(errno)") }
        let seen = SeenRequests()
        self.descriptor = descriptor
        self.seen = seen
        Thread.detachNewThread {
            while true {
                let client = accept(descriptor, nil, nil)
                guard client >= 0 else { return }
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                Self.serve(client, routes, seen)
                close(client)
            }
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    /// A JSON answer in one piece.
    static func json(_ text: String, status: String = "200 OK") -> [[UInt8]] {
        let head =
            "HTTP/1.1 \(status)\r\ncontent-type: application/json\r\n"
            + "content-length: \(text.utf8.count)\r\nconnection: close\r\n\r\n"
        return [Array((head + text).utf8)]
    }

    private static func serve(_ client: Int32, _ routes: Routes, _ seen: SeenRequests) {
        guard let head = readHead(client) else { return }
        seen.heads.withLock { $0.append(head) }
        let path = head.split(separator: " ").dropFirst().first ?? ""
        let match = routes.keys.filter { path.hasPrefix($0) }.max { $0.count < $1.count }
        let pieces = match.flatMap { routes[$0] } ?? json("{}", status: "404 Not Found")
        for piece in pieces {
            var sent = 0
            while sent < piece.count {
                let count = piece[sent...].withUnsafeBytes {
                    send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return }
                sent += count
            }
            // So that pieces arrive apart.
            if pieces.count > 1 { usleep(2_000) }
        }
    }

    /// Everything until the client waits: bodies here are small and come with their head.
    private static func readHead(_ client: Int32) -> String? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(client, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            bytes += chunk[..<count]
            let text = String(decoding: bytes, as: UTF8.self)
            if text.contains("\r\n\r\n") { return text }
        }
    }
}
