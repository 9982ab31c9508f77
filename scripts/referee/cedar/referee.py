#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers questions about Cedar with the reference implementation.

Usage: referee.py QUESTIONS ANSWERS

QUESTIONS is a JSON file `{"parse": [text, ...], "authorize": [{"policies", "entities",
"requests"}, ...]}`. ANSWERS becomes `{"parse": [{"accepted", "policies"}, ...],
"authorize": [[{"decision", "reasons", "errors"}, ...], ...]}`.
Needs the package `cedarpy` (https://pypi.org/project/cedarpy/), which wraps the Rust engine:
`pip install cedarpy==4.12.2`.
"""

import json
import re
import sys

import cedarpy

# What the engine says, by the category of its error.
CATEGORIES = [
    ("EntityDoesNotExist", r"^entity `.*` does not exist"),
    ("RecordAttrDoesNotExist", r"^record does not have the attribute"),
    ("EntityAttrDoesNotExist", r"^`.*` does not have the (attribute|tag)"),
    ("FailedExtensionFunctionLookup", r"^extension function `.*` does not exist"),
    ("TypeError", r"^type error: "),
    ("WrongNumArguments", r"^wrong number of arguments"),
    ("IntegerOverflow", r"^integer overflow"),
    ("FailedExtensionFunctionExecution", r"^error while evaluating `.*` extension function"),
    ("RecursionLimit", r"^recursion limit"),
]
MESSAGE = re.compile(r"^error while evaluating policy `(.*?)`: (.*)$", re.DOTALL)


def category(message):
    for name, pattern in CATEGORIES:
        if re.match(pattern, message, re.DOTALL):
            return name
    return "unknown: " + message


def parse(text):
    try:
        answer = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError:
        return {"accepted": False}
    if answer["templates"]:
        return {"accepted": True, "template": True}
    return {"accepted": True, "policies": answer["staticPolicies"]}


def authorize(question):
    policies = cedarpy.PolicySet.from_str(question["policies"])
    entities = cedarpy.Entities.from_json_str(json.dumps(question["entities"]))
    answers = []
    for result in cedarpy.is_authorized_batch(question["requests"], policies, entities):
        errors = {}
        for line in result.diagnostics.errors:
            policy, message = MESSAGE.match(line).groups()
            errors[policy] = category(message)
        answers.append(
            {
                "decision": result.decision.value.lower(),
                "reasons": sorted(result.diagnostics.reasons),
                "errors": errors,
            }
        )
    return answers


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        questions = json.load(file)
    answers = {
        "parse": [parse(text) for text in questions.get("parse", [])],
        "authorize": [authorize(question) for question in questions.get("authorize", [])],
    }
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(answers, file, ensure_ascii=False)


if __name__ == "__main__":
    main()
