// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON

@testable import Facts

/// Splits a line into words at spaces; single quotes keep them together.
func words(_ line: String) -> [String] {
    var words: [String] = []
    var word = ""
    var isQuoted = false
    var hasWord = false
    for character in line {
        if character == "'" {
            isQuoted.toggle()
            hasWord = true
        } else if character == " ", !isQuoted {
            if hasWord { words.append(word) }
            word = ""
            hasWord = false
        } else {
            word.append(character)
            hasWord = true
        }
    }
    if hasWord { words.append(word) }
    return words
}

/// The input that a gate would freeze for a command found in `/usr/bin`.
func frozen(
    _ arguments: [String], path: String? = nil, kind: String = "elf", cwd: String = "/srv/app",
    environment: [String: String] = [:], without: [String] = [], adding: [(String, JSON)] = []
) -> JSON {
    let name = arguments.first.map { String($0.split(separator: "/").last ?? "") } ?? ""
    var variables = [
        "HOME": "/home/deploy", "PATH": "/usr/local/bin:/usr/bin:/bin", "PAGER": "cat",
        "GIT_PAGER": "cat", "SYSTEMD_PAGER": "cat",
    ]
    variables.merge(environment) { $1 }
    var input: JSONObject = [
        "account": ["home": "/home/deploy", "user": "deploy"],
        "argv": .array(arguments.map { .string($0) }),
        "configuration": [
            [
                "path": "/srv/app/.git/config",
                "text": "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = git@x:y.git\n",
            ]
        ],
        "cwd": .string(cwd),
        "environment": .object(JSONObject(variables.map { ($0.key, .string($0.value)) })),
        "executable": [
            "digest": "sha256:00", "kind": .string(kind),
            "path": .string(path ?? "/usr/bin/\(name)"), "size": 1,
        ],
        "stdin": ["kind": "null"],
    ]
    for (key, value) in adding { input[key] = value }
    for key in without { input[key] = nil }
    return .object(input)
}

/// The facts of a command line as ``frozen(_:path:kind:cwd:environment:without:adding:)`` has it.
func facts(of line: String) -> CommandFacts { .derive(from: frozen(words(line))) }
