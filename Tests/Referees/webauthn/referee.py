#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judges answers of authenticators with another implementation of WebAuthn.

Usage: referee.py QUESTIONS ANSWERS

QUESTIONS is a JSON object with lists of questions by their kind, ANSWERS becomes one with a list of
answers for each: null where the answer of the authenticator is accepted, else why it is refused.
The kinds are the keys of HANDLERS below; what a question looks like stands at each. Bytes are
base64url without padding.
Needs https://pypi.org/project/webauthn/: `pip install webauthn==3.0.1`.
"""

import json
import sys

import webauthn
from webauthn.helpers import base64url_to_bytes


def credential(identifier, response):
    """What a browser's `toJSON()` makes of an answer."""
    return {
        "id": identifier,
        "rawId": identifier,
        "type": "public-key",
        "response": response,
        "clientExtensionResults": {},
    }


def assertion(question):
    """{"answer", "key", "challenge", "id", "origins"}, the answer with members as we name them."""
    answer = dict(question["answer"])
    identifier = answer.pop("credentialId")
    webauthn.verify_authentication_response(
        credential=credential(identifier, answer),
        expected_challenge=base64url_to_bytes(question["challenge"]),
        expected_rp_id=question["id"],
        expected_origin=question["origins"],
        credential_public_key=base64url_to_bytes(question["key"]),
        credential_current_sign_count=0,
        require_user_verification=True,
    )


def registration(question):
    """{"answer", "credentialId", "challenge", "id", "origins"}."""
    webauthn.verify_registration_response(
        credential=credential(question["credentialId"], question["answer"]),
        expected_challenge=base64url_to_bytes(question["challenge"]),
        expected_rp_id=question["id"],
        expected_origin=question["origins"],
        require_user_verification=True,
    )


HANDLERS = {"assertions": assertion, "registrations": registration}


def judge(handler, question):
    """Null, or what went wrong: it raises more than its own errors for what it cannot read."""
    try:
        handler(question)
    except Exception as error:  # pylint: disable=broad-exception-caught
        return f"{type(error).__name__}: {error}"
    return None


def main(questions_path, answers_path):
    with open(questions_path, encoding="utf-8") as file:
        questions = json.load(file)
    answers = {
        kind: [judge(HANDLERS[kind], case) for case in cases] for kind, cases in questions.items()
    }
    with open(answers_path, "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
