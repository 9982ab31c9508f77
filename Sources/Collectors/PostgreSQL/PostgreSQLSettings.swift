// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
internal import DriftCore
internal import Foundation

/// How a PostgreSQL cluster is reached.
///
/// `{"host":"db.internal","port":5432,"database":"app","user":"exequatur_drift",
/// "passwordFile":"/etc/exequatur/db.password","sslmode":"verify-full","sslrootcert":"/…"}`.
/// A password never stands in it, so that it can be shown, hashed and signed.
package struct PostgreSQLSettings: Sendable, Hashable {
    /// A name, an address, or the folder of a local socket.
    package let host: String
    package let port: Int64
    package let database: String
    package let user: String
    package let passwordFile: String?
    package let sslmode: String
    package let sslrootcert: String?
    /// The databases whose objects are watched, `*` for all that take connections.
    ///
    /// Without it, the one of ``database``.
    package let databases: [String]
    /// Seconds for connecting, and for one statement.
    package let connectSeconds: Int64
    package let statementSeconds: Int64

    /// The most databases of one source: each is a connection and a snapshot of its own.
    package static let mostDatabases = 64
    /// The most bytes of a file with a password.
    package static let passwordBytes = 4096

    /// Reads them.
    ///
    /// - Throws: `JSONShapeError` for an unknown, missing or impossible member.
    package init(_ json: JSON, path: String = "settings") throws(JSONShapeError) {
        var reader = try JSONReader(json, path: path)
        host = try reader.string("host")
        port = try reader.optionalInt("port") ?? 5432
        database = try reader.string("database")
        user = try reader.string("user")
        passwordFile = try reader.optionalString("passwordFile")
        let sslmode = try reader.optionalString("sslmode")
        sslrootcert = try reader.optionalString("sslrootcert")
        databases = try reader.optionalStrings("databases") ?? [database]
        connectSeconds = try reader.optionalInt("connectSeconds") ?? 10
        statementSeconds = try reader.optionalInt("statementSeconds") ?? 30
        self.sslmode = sslmode ?? (Self.isLocal(host) ? "prefer" : "verify-full")
        for (key, value) in [("host", host), ("database", database), ("user", user)] {
            guard (1...1024).contains(value.utf8.count), !value.utf8.contains(0) else {
                throw reader.error(key, "expected 1 to 1,024 bytes without NUL")
            }
        }
        guard !host.utf8.contains(UInt8(ascii: ",")) else {
            throw reader.error("host", "give one host: a source is one cluster")
        }
        guard (1...65_535).contains(port) else {
            throw reader.error("port", "expected 1 to 65535")
        }
        guard Self.modes.contains(where: { $0.utf8.elementsEqual(self.sslmode.utf8) }) else {
            throw reader.error(
                "sslmode", "expected one of `\(Self.modes.joined(separator: "`, `"))`")
        }
        for (key, value) in [("passwordFile", passwordFile), ("sslrootcert", sslrootcert)] {
            guard value.map({ $0.utf8.first == UInt8(ascii: "/") }) ?? true else {
                throw reader.error(key, "expected an absolute path")
            }
        }
        guard (1...Self.mostDatabases).contains(databases.count) else {
            throw reader.error("databases", "expected 1 to \(Self.mostDatabases) databases")
        }
        guard (1...60).contains(connectSeconds), (1...600).contains(statementSeconds) else {
            throw reader.error(
                "statementSeconds", "expected 1 to 600, and 1 to 60 for `connectSeconds`")
        }
        try reader.finish()
    }

    private static let modes = [
        "disable", "allow", "prefer", "require", "verify-ca", "verify-full",
    ]

    /// A local socket or a loopback address: nobody is in between.
    static func isLocal(_ host: String) -> Bool {
        let bytes = host.utf8
        if bytes.first == UInt8(ascii: "/") || bytes.first == UInt8(ascii: "@") { return true }
        if bytes.elementsEqual("localhost".utf8) || bytes.elementsEqual("::1".utf8) { return true }
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0].elementsEqual("127".utf8)
            && parts.allSatisfy { part in
                (1...3).contains(part.count) && part.allSatisfy { (0x30...0x39).contains($0) }
            }
    }

    /// Every parameter of a connection that could otherwise come from the environment, a service
    /// file or a password file of this account.
    ///
    /// - Throws: ``PostgreSQLError`` where the file with the password cannot be read.
    func parameters(
        database: String, application: String
    ) throws(PostgreSQLError) -> [(String, String)] {
        var parameters = [
            ("host", host), ("port", String(port)), ("dbname", database), ("user", user),
            ("sslmode", sslmode), ("application_name", application),
            ("client_encoding", "UTF8"), ("connect_timeout", String(max(2, connectSeconds))),
            ("gssencmode", "disable"), ("target_session_attrs", "any"),
            ("passfile", "/dev/null/none"),
            // Not empty, which would ask the environment.
            ("options", " "),
        ]
        if let sslrootcert { parameters.append(("sslrootcert", sslrootcert)) }
        parameters.append(("password", try password()))
        return parameters
    }

    private func password() throws(PostgreSQLError) -> String {
        guard let passwordFile else { return "" }
        func refuse(_ reason: String) -> PostgreSQLError {
            PostgreSQLError(
                .unreachable, "cannot take the password from `\(passwordFile)`: \(reason)")
        }
        let descriptor = open(passwordFile, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw refuse(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.passwordBytes + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            }
            if got < 0 { throw refuse(String(cString: strerror(errno))) }
            if got == 0 { break }
            count += got
        }
        guard count <= Self.passwordBytes else {
            throw refuse("it has more than \(Self.passwordBytes) bytes")
        }
        var text = bytes[..<count]
        if text.last == UInt8(ascii: "\n") { text = text.dropLast() }
        if text.last == UInt8(ascii: "\r") { text = text.dropLast() }
        guard !text.isEmpty, !text.contains(0),
            let password = String(validating: text, as: UTF8.self)
        else { throw refuse("it is empty or no text") }
        return password
    }
}
