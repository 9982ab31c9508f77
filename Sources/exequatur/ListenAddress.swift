// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser

/// Where something listens: `HOST:PORT`.
struct ListenAddress {
    let host: String
    let port: Int

    init(_ text: String) throws {
        guard let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
        else { throw ValidationError("`--listen`: expected HOST:PORT, got `\(text)`") }
        host = String(text[..<colon])
        self.port = port
    }

    /// Refuses to take agents' tokens where others could read them.
    func checkConfidential(orInsecure isInsecure: Bool) throws {
        guard try ServerAddress("http://\(host):\(port)").isConfidential || isInsecure else {
            throw CLIError(
                "agents' tokens would come over plain http to `\(host)`: listen on 127.0.0.1 "
                    + "behind a proxy with TLS, or use `--insecure` on a network you trust",
                status: .usage)
        }
    }
}
