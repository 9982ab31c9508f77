#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers questions about Cedar with the reference implementation.

Usage: referee.py QUESTIONS ANSWERS

QUESTIONS is a JSON object with lists of questions by their kind, ANSWERS becomes one with a list of
answers for each. The kinds are the keys of HANDLERS below; what a question and its answer look like
stands at each.
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
    """Policy text; {"accepted", "policies", "templates"} with policies in JSON."""
    try:
        answer = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError:
        return {"accepted": False}
    return {
        "accepted": True,
        "policies": answer["staticPolicies"],
        "templates": answer["templates"],
    }


def from_json(policies):
    """A policy set in JSON; {"accepted", "policies"} with the policies read from the text of it."""
    try:
        text = cedarpy.policies_from_json_str(json.dumps(policies))
    except ValueError as error:
        return {"accepted": False, "error": str(error)}
    return {"accepted": True, "text": text}


def authorize(question):
    """{"policies", "links", "entities", "requests"}; [{"decision", "reasons", "errors"}, ...]."""
    policies = cedarpy.PolicySet.from_str(question["policies"])
    if question.get("links"):
        policies = policies.with_linked_batch(question["links"])
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


def schema(question):
    """{"text"} or {"json"}; {"accepted", "text"} or {"accepted", "error"}."""
    try:
        if "text" in question:
            answer = cedarpy.Schema.from_str(question["text"])
        else:
            answer = cedarpy.Schema.from_json_str(json.dumps(question["json"]))
    except ValueError as error:
        return {"accepted": False, "error": str(error)}
    return {"accepted": True, "text": str(answer)}


def validate(question):
    """{"schema", "policies"}; {"valid", "errors": [policy: message, ...]}, strict."""
    answer = cedarpy.validate_policies(question["policies"], question["schema"])
    errors = [f"{error.policy_id}: {error.error}" for error in answer.errors]
    return {"valid": answer.validation_passed, "errors": errors}


def data(question):
    """{"schema", "entities", "requests"}; {"entities": error or null, "requests": [...]}."""
    read = cedarpy.Schema.from_str(question["schema"])
    entities = None
    try:
        cedarpy.Entities.from_json_str(json.dumps(question["entities"]), schema=read)
    except ValueError as error:
        entities = str(error)
    requests = []
    for request in question["requests"]:
        result = cedarpy.is_authorized(request, "", [], schema=read)
        refused = result.decision.value == "NoDecision"
        requests.append("; ".join(result.diagnostics.errors) if refused else None)
    return {"entities": entities, "requests": requests}


HANDLERS = {
    "parse": parse,
    "fromJSON": from_json,
    "authorize": authorize,
    "schema": schema,
    "validate": validate,
    "data": data,
}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        questions = json.load(file)
    answers = {
        kind: [HANDLERS[kind](question) for question in asked] for kind, asked in questions.items()
    }
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(answers, file, ensure_ascii=False)


if __name__ == "__main__":
    main()
