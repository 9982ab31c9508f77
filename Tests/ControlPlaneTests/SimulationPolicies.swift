// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import ServiceTestSupport

/// The policy sets of simulated installations; an operation asks by its mode which rule it meets.
enum SimulationPolicies {
    /// Modes of operations, the frequent ones more than once.
    static let modes = [
        "allow", "allow", "review", "review", "review", "two", "two", "high", "lead", "never",
        "ladder", "ladder", "glass", "glass", "glass", "signed", "signed", "both", "freeze",
        "person",
        "long",
    ]

    static let base = """
        @id("commands") permit (principal, action in Action::"command", resource);

        @id("one") @review("reviewers") @grant("10m") @expires("1h") @reason("one reviewer")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=review") };

        @id("two") @review("reviewers") @quorum("2")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=two") };

        @id("high") @review("reviewers") @severity("high")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=high") };

        @id("lead") @review("leads")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=lead") };

        @id("ladder") @review("leads") @escalate("2m:reviewers") @expires("30m")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=ladder") };

        @id("glass") @review("reviewers") @breakglass("leads,reviewers")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=glass") };

        @id("signed") @review("reviewers") @assurance("passkey")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=signed") };

        @id("both") @review("leads,reviewers")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=both") };

        @id("long") @review("reviewers")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=long") };

        @id("person") @review("leads")
        forbid (principal is Person, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=person") };

        @id("frozen")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=freeze") && context.freezes.contains("window") };

        @id("never") @reason("never")
        forbid (principal, action in Action::"command", resource)
        when { context.input.argv.contains("--mode=never") };

        @id("exequatur") permit (principal, action in Action::"exequatur", resource);
        @id("exequatur.review") @review("administrators")
        forbid (principal, action in Action::"exequatur", resource);

        """

    /// Sets that may be published instead.
    static let variants: [String] = [
        base, base,
        // What was held for review is forbidden.
        base.replacing(
            #"@id("one") @review("reviewers") @grant("10m") @expires("1h")"#, with: #"@id("one")"#),
        base.replacing(#"@id("one")"#, with: #"@id("one") @quorum("2")"#),
        base.replacing(#"@id("one")"#, with: #"@id("one") @escalate("5m:leads")"#),
        base.replacing(#"@breakglass("leads,reviewers")"#, with: #"@breakglass("leads")"#),
        base.replacing(#"@assurance("passkey")"#, with: #"@assurance("console")"#),
        // Rules that fail: one asks everybody, one denies everything.
        base + """
            @id("broken.review") @review("reviewers")
            forbid (principal is Agent, action in Action::"command", resource)
            when { context.hour * 9223372036854775807 == context.weekday };

            """,
        base + """
            @id("broken.forbid")
            forbid (principal is Agent, action in Action::"command", resource)
            when { context.hour * 9223372036854775807 == context.weekday };

            """,
        // Nobody could change anything any more: refused once sealed.
        TestInstallation.policies[0].text,
        "permit (",
    ]

    static func files(_ text: String) -> [PolicyFile] {
        [PolicyFile(name: "10-simulated.cedar", text: text)]
    }
}
