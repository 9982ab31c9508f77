# SPDX-License-Identifier: Apache-2.0
"""Adaptive Cards as Teams takes them: the published schema 1.5, and what it misses."""
import functools
import json

import jsonschema

from common import Skip, corpora

CARD = "application/vnd.microsoft.card.adaptive"


class Invalid(Exception):
    """What Teams would not show."""


@functools.cache
def _validator():
    try:
        with open(corpora("teams", "schemas", "1.5.0", "adaptive-card.json")) as file:
            return jsonschema.Draft6Validator(json.load(file))
    except Skip:
        return None


def has_schema():
    """Whether cards are held against the published schema; it is not part of the project."""
    return _validator() is not None


def card(activity):
    """The card of an activity, or None."""
    for attachment in activity.get("attachments") or []:
        if attachment.get("contentType") == CARD:
            return attachment.get("content")
    return None


def check(activity):
    """Raises Invalid for a message that Teams would refuse or show as an error."""
    if not activity.get("text") and not activity.get("attachments"):
        raise Invalid("a message needs a text or an attachment")
    for attachment in activity.get("attachments") or []:
        if attachment.get("contentType") != CARD:
            raise Invalid(f"contentType {attachment.get('contentType')!r}")
        check_card(attachment.get("content"))


def check_card(content):
    if not isinstance(content, dict) or content.get("type") != "AdaptiveCard":
        raise Invalid("the content is no AdaptiveCard")
    version = content.get("version")
    if version not in ("1.2", "1.3", "1.4", "1.5"):
        raise Invalid(f"version {version!r}")
    if executes(content) and version < "1.4":
        raise Invalid("Action.Execute needs 1.4")
    names = [part["id"] for part in inputs(content)]
    if len(names) != len(set(names)):
        raise Invalid(f"an input's id twice: {names}")
    users = content.get("refresh", {}).get("userIds", [])
    if len(users) > 60:
        raise Invalid(f"{len(users)} users to refresh for, at most 60")
    validator = _validator()
    if validator is not None:
        plain = {name: value for name, value in content.items() if name != "msteams"}
        errors = sorted(validator.iter_errors(plain), key=lambda e: len(e.path), reverse=True)
        if errors:
            deepest = max(errors, key=lambda e: len(list(e.absolute_path)))
            while deepest.context:
                deepest = max(deepest.context, key=lambda e: len(list(e.absolute_path)))
            raise Invalid(f"{'/'.join(map(str, deepest.absolute_path))}: {deepest.message[:200]}")


def walk(value):
    """Every object in a value."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from walk(part)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part)


def executes(content):
    """The buttons that ask the bot; the refresh is none."""
    plain = {name: value for name, value in (content or {}).items() if name != "refresh"}
    return [part for part in walk(plain) if part.get("type") == "Action.Execute"]


def links(content):
    return [part["url"] for part in walk(content or {}) if part.get("type") == "Action.OpenUrl"]


def inputs(content):
    return [part for part in walk(content or {}) if str(part.get("type")).startswith("Input.")]
