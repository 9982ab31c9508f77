// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Foundation

/// A mail as it goes over the wire (RFC 5322, RFC 2045): text in UTF-8, encoded in base 64.
struct MailMessage: Sendable {
    let from: MailAddress
    let to: String
    let text: MailText
    /// The local part of the message's id; the same for what is sent again.
    let id: String
    /// The id of the message that this one continues.
    let inReplyTo: String?
    let at: Timestamp

    /// The lines, without those that SMTP adds.
    var lines: [String] {
        let domain = from.address.split(separator: "@").last.map(String.init) ?? "localhost"
        var lines = [
            "From: \(from.header)", "To: \(to)", "Subject: \(text.subject)",
            "Date: \(Self.date(at))",
            "Message-ID: <\(id)@\(domain)>",
        ]
        if let inReplyTo {
            lines += [
                "In-Reply-To: <\(inReplyTo)@\(domain)>", "References: <\(inReplyTo)@\(domain)>",
            ]
        }
        lines += [
            // Nobody's out-of-office note should answer (RFC 3834).
            "Auto-Submitted: auto-generated", "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "",
        ]
        let encoded = Array(Data(text.body.utf8).base64EncodedString().utf8)
        for start in stride(from: 0, to: encoded.count, by: 76) {
            lines.append(
                String(
                    decoding: encoded[start..<min(start + 76, encoded.count)], as: UTF8.self))
        }
        return lines
    }

    private static let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Mon, 30 Nov 2026 18:15:45 +0000` (RFC 5322 §3.3).
    static func date(_ at: Timestamp) -> String {
        let text = Array(at.description.utf8)
        func part(_ start: Int, _ count: Int) -> String {
            String(decoding: text[start..<start + count], as: UTF8.self)
        }
        let month = months[max(0, min(11, (Int(part(5, 2)) ?? 1) - 1))]
        let day = days[max(0, min(6, Int(at.weekday) - 1))]
        return "\(day), \(part(8, 2)) \(month) \(part(0, 4)) \(part(11, 8)) +0000"
    }
}
