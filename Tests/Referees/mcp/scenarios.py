# SPDX-License-Identifier: Apache-2.0
"""Which scenarios of the conformance suite are driven, and by which era.

The ids are those of `requirements/*.yaml` of modelcontextprotocol/conformance. The suite itself is
an npm package and not used; each id is a function of drive.py that does with an official client
what the suite's scenario of that name does, as far as it concerns what passes a gateway.
"""
import os
import re

# Ids of the lists that no gateway in front of a server takes part in.
NOT_OURS = {
    # Roles of the authorisation framework: the client and its authorisation server.
    "auth/": "authorisation between a client and its authorisation server",
    # The suite plays the server towards the client under test.
    "sse-retry": "the client's own reconnecting, which the suite provokes from its own server",
    "server-sse-polling": "resumption of streams, which the reference fixture cannot do either",
    "http-standard-headers": "checked on the wire for every message (attack header_body_mismatch)",
    "http-custom-headers": "checked on the wire (attack header_param_is_forwarded)",
    "http-invalid-tool-headers": "the client's own check of a tool's schema",
    "http-custom-header-server-validation": "the server's own check of a tool's parameters",
    "json-schema-ref-no-deref": "the client's own check of a tool's schema",
    "json-schema-2020-12-preservation": "covered by json-schema-2020-12 over the same messages",
    "tasks-": "the upstream offers no tasks; tasks of the gateway: attack test task_*",
}

# MARK: ids by era

LEGACY = [
    "initialize", "server-initialize", "ping", "logging-set-level", "completion-complete",
    "tools_call",
    "tools-list", "tools-call-simple-text", "tools-call-image", "tools-call-audio",
    "tools-call-embedded-resource", "tools-call-mixed-content", "tools-call-with-logging",
    "tools-call-error", "tools-call-with-progress", "tools-call-sampling",
    "tools-call-elicitation", "elicitation-sep1034-defaults",
    "elicitation-sep1034-client-defaults", "server-sse-multiple-streams",
    "elicitation-sep1330-enums", "resources-list", "resources-read-text",
    "resources-read-binary", "resources-templates-read", "resources-subscribe",
    "resources-unsubscribe", "prompts-list", "prompts-get-simple", "prompts-get-with-args",
    "prompts-get-embedded-resource", "prompts-get-with-image", "dns-rebinding-protection",
    "server-session-lifecycle", "json-schema-2020-12",
]

MODERN = [
    "server-stateless", "request-metadata", "completion-complete", "tools_call", "tools-list",
    "tools-call-simple-text", "tools-call-image", "tools-call-audio",
    "tools-call-embedded-resource", "tools-call-mixed-content", "tools-call-error",
    "tools-call-with-progress", "server-sse-multiple-streams", "resources-list",
    "resources-read-text", "resources-read-binary", "resources-templates-read",
    "sep-2164-resource-not-found", "prompts-list", "prompts-get-simple",
    "prompts-get-with-args", "prompts-get-embedded-resource", "prompts-get-with-image",
    "dns-rebinding-protection", "caching", "input-required-result-basic-elicitation",
    "input-required-result-basic-sampling", "input-required-result-basic-list-roots",
    "input-required-result-request-state", "input-required-result-multiple-input-requests",
    "input-required-result-multi-round", "input-required-result-missing-input-response",
    "input-required-result-non-tool-request", "input-required-result-result-type",
    "input-required-result-unsupported-methods", "input-required-result-tampered-state",
    "input-required-result-capability-check", "input-required-result-ignore-extra-params",
    "input-required-result-validate-input", "sep-2322-client-request-state",
    "http-header-validation", "json-schema-2020-12",
]

# Beside those of the suite, for what issue and design ask of a gateway.
OURS = ["x-list-changed", "x-subscription", "x-cancellation", "x-pagination", "x-unknown-fields",
        "x-big-result", "x-big-argument", "x-big-message", "x-unicode", "x-structured",
        "x-unknown-tool",
        "x-unknown-method", "x-roots"]

# Ids whose check needs HTTP itself; they are raw tests in wire.py, run over each HTTP path.
WIRE = {"dns-rebinding-protection", "http-header-validation", "server-stateless",
        "server-session-lifecycle", "caching", "input-required-result-capability-check"}


def listed(corpora, era):
    """The ids of the requirement list of an era, without a YAML parser: `- id` below a heading."""
    path = os.path.join(corpora, "mcp", "requirements", era + ".yaml")
    ids, section = [], None
    with open(path, encoding="utf-8") as file:
        for line in file:
            heading = re.match(r"^(\w+):", line)
            if heading:
                section = heading.group(1)
            item = re.match(r"^  - (?:scenario: )?(\S+)$", line)
            if item and section:
                ids.append(item.group(1))
    return ids


def unaccounted(corpora, era):
    """Ids of the list that are neither driven nor named in NOT_OURS: must be empty."""
    known = set(LEGACY if era == "2025-11-25" else MODERN)
    return [i for i in listed(corpora, era)
            if i not in known and not any(i.startswith(prefix) for prefix in NOT_OURS)]
