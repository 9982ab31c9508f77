#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers questions about schemas of tools with the reference implementations.

Usage: referee.py QUESTIONS ANSWERS

QUESTIONS is a JSON object with lists of questions by their kind, ANSWERS becomes one with a list of
answers for each. The kinds are the keys of HANDLERS below; what a question and its answer look like
stands at each.
Needs https://pypi.org/project/cedar-policy-mcp-schema-generator/ and
https://pypi.org/project/cedarpy/, which both wrap Rust:
`pip install cedar-policy-mcp-schema-generator==0.7.0 cedarpy==4.12.2`.
"""

import json
import sys

import cedar_mcp_schema_generator
import cedarpy


def generate(question):
    """{"stub", "tools", "options"}; {"schema"} in JSON syntax or {"error"}."""
    answer = cedar_mcp_schema_generator.generate_schema(
        question["stub"], json.dumps(question["tools"]), config=question["options"]
    )
    if not answer["isOk"]:
        return {"error": answer["error"]}
    return {"schema": json.loads(answer["schemaJson"])}


def accept(schema):
    """A schema in Cedar syntax (text) or in JSON syntax (object); null or the error."""
    try:
        if isinstance(schema, str):
            cedarpy.Schema.from_str(schema)
        else:
            cedarpy.Schema.from_json_str(json.dumps(schema))
    except ValueError as error:
        return str(error)
    return None


def validate(question):
    """{"schema", "request", "entities"}; null or why the reference does not take them."""
    schema = cedarpy.Schema.from_str(question["schema"])
    try:
        entities = json.dumps(question["entities"])
        cedarpy.Entities.from_json_str(entities, schema=schema)
    except ValueError as error:
        return str(error)
    result = cedarpy.is_authorized(question["request"], "", [], schema=schema)
    if result.decision.value == "NoDecision":
        return "; ".join(result.diagnostics.errors)
    return None


HANDLERS = {"generate": generate, "accept": accept, "validate": validate}


def main(questions_path, answers_path):
    with open(questions_path, encoding="utf-8") as file:
        questions = json.load(file)
    answers = {}
    for kind, cases in questions.items():
        handler = HANDLERS[kind]
        answers[kind] = [handler(case) for case in cases]
    with open(answers_path, "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
