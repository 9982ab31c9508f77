// SPDX-License-Identifier: Apache-2.0

import DriftCore
import Testing

@Suite("What an observation says nothing of")
struct UnseenTests {
    private func unseen(_ subject: String) -> UnseenSubjects {
        UnseenSubjects([CoverageGap(subject: subject, cause: .unreadable, detail: "")])
    }

    @Test(
        "A gap covers what is below a folder, or of a class that ends with `:` or `.`",
        arguments: [
            ("file:/etc", "file:/etc/app/x", true), ("file:/etc", "file:/etcetera", false),
            ("file:/", "file:/etc", true), ("password:", "password:bob", true),
            ("password:", "role:bob", false), ("relation:app.", "relation:app.public.t", true),
            ("relation:app.", "relation:apple.public.t", false),
            ("relation:app", "relation:app.public.t", false), ("role:bob", "role:bob", true),
            ("role:bob", "role:bobby", false),
        ])
    func covers(_ gap: String, _ subject: String, _ expected: Bool) {
        #expect(unseen(gap).contains(subject) == expected)
    }
}
