#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judges cards for chats: Slack's own SDK, and the published JSON Schema of Adaptive Cards.

Usage: channels_cards.py QUESTIONS ANSWERS

QUESTIONS is a JSON object with lists of questions by their kind, ANSWERS becomes one with a list of
answers for each; an answer is a list of problems, empty where there is none. The kinds are the keys
of HANDLERS below; what a question looks like stands at each.
Needs the packages `slack_sdk` and `jsonschema`:
`pip install slack_sdk==3.47.0 jsonschema==4.26.0`.
"""

import json
import sys

import jsonschema
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

# The SDK does not check these.
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
BUTTON_VALUE = 2000
RICH_TEXT = 3000


def elements(value):
    """Every object in a JSON value, at any depth."""
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from elements(member)
    elif isinstance(value, list):
        for member in value:
            yield from elements(member)


def own_checks(blocks, limit):
    problems = []
    if not 1 <= len(blocks) <= limit:
        problems.append(f"{len(blocks)} blocks")
    for element in elements(blocks):
        kind = element.get("type")
        if kind == "mrkdwn":
            problems.append("markup")
        if kind == "button" and len(element.get("value", "")) > BUTTON_VALUE:
            problems.append("the value of a button is too long")
        if kind == "text" and not 1 <= len(element["text"]) <= RICH_TEXT:
            problems.append(f"rich text of {len(element['text'])} characters")
    return problems


def message(blocks):
    """The blocks of a message."""
    problems = own_checks(blocks, MESSAGE_BLOCKS)
    try:
        parsed = Block.parse_all(blocks)
        if len(parsed) != len(blocks) or any(block is None for block in parsed):
            problems.append("the SDK does not know a block")
        for block in parsed:
            block.validate_json()
    except SlackObjectFormationError as error:
        problems.append(str(error))
    return problems


def view(question):
    """A modal or an App Home."""
    problems = own_checks(question["blocks"], VIEW_BLOCKS)
    try:
        View(**question).validate_json()
        for block in Block.parse_all(question["blocks"]):
            block.validate_json()
    except SlackObjectFormationError as error:
        problems.append(str(error))
    return problems


def adaptive_card(question):
    """{"card", "schema"}: a card and the schema to hold it against."""
    card = dict(question["card"])
    # Teams defines this member beside the format.
    card.pop("msteams", None)
    validator = jsonschema.Draft6Validator(question["schema"])
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in validator.iter_errors(card)
    ]


def manifest(question):
    """{"card", "schema"}: the manifest of a Slack app and its schema."""
    validator = jsonschema.Draft7Validator(question["schema"])
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in validator.iter_errors(question["card"])
    ]


HANDLERS = {
    "messages": message, "views": view, "adaptive cards": adaptive_card, "manifests": manifest,
}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        questions = json.load(file)
    answers = {kind: [HANDLERS[kind](question) for question in questions[kind]] for kind in questions}
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    main()
