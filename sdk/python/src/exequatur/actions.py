# SPDX-License-Identifier: Apache-2.0
"""Operations as they are frozen, and actions as the server shows them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union

from . import canonical
from .errors import InputError, Unavailable
from .tokens import contains_token

__all__ = ["Operation", "Resource", "ResourceLike", "SubmittedAction", "Trigger"]

_ACTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._:-]{0,255}", re.ASCII)
_TYPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_:]{0,255}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MAX_REASON = 4_096


@dataclass(frozen=True)
class Resource:
    """What an operation is about: a type that a policy schema declares, and a name."""

    type: str
    id: str


#: A :class:`Resource`, a pair, or a dict with ``type`` and ``id``.
ResourceLike = Union[Resource, "tuple[str, str]", "Mapping[str, str]"]


@dataclass(frozen=True)
class Trigger:
    """What made the agent ask: ``prompt``, ``schedule``, ``pipeline`` or another short word."""

    kind: str
    id: str
    parent: str | None = None


@dataclass(frozen=True)
class Operation:
    """What is to be executed, as canonical bytes that nobody changes any more."""

    action: str
    resource: Resource
    #: The RFC 8785 form of ``{"action":…,"input":…,"resource":…}``.
    data: bytes
    #: SHA-256 of :attr:`data`, in hexadecimal.
    digest: str

    @staticmethod
    def freeze(action: str, resource: ResourceLike, input: Mapping[str, Any]) -> Operation:
        """Freezes an operation; raises :class:`InputError` and sends nothing."""
        if type(action) is not str or not _ACTION_NAME.fullmatch(action):
            raise InputError(
                "this is not the name of an action",
                where="`action`",
                next_step="use up to 256 letters, digits and `. _ - :`, a letter first",
            )
        found = _resource(resource)
        if type(input) is not dict:
            raise InputError(
                "the input is not a dict", where="`input`", next_step="pass one, even if empty"
            )
        data = canonical.canonical_bytes(
            {"action": action, "input": input, "resource": {"id": found.id, "type": found.type}},
            max_depth=canonical.MAX_DEPTH,
        )
        if len(data) > canonical.MAX_BYTES - 16_384:
            raise InputError(
                f"the operation has {len(data)} bytes",
                where="`input`",
                next_step="send less: name large things by their digest",
            )
        if contains_token(data.decode("utf-8")):
            raise InputError(
                "the operation has a token in it, which reviewers would see",
                where="`input`",
                next_step="leave the token out",
            )
        return Operation(action, found, data, hashlib.sha256(data).hexdigest())

    @property
    def input(self) -> dict[str, Any]:
        """The frozen input, read anew from the frozen bytes each time."""
        value = canonical.parse(self.data)
        assert isinstance(value, dict)
        found = value["input"]
        assert isinstance(found, dict)
        return found


def _resource(resource: ResourceLike) -> Resource:
    if isinstance(resource, Resource):
        kind, name = resource.type, resource.id
    elif isinstance(resource, tuple) and len(resource) == 2:
        kind, name = resource
    elif isinstance(resource, Mapping) and set(resource) == {"type", "id"}:
        kind, name = resource["type"], resource["id"]
    else:
        raise InputError(
            "this is not a resource",
            where="`resource`",
            next_step='pass a pair such as `("Database", "crm")`',
        )
    if type(kind) is not str or not _TYPE_NAME.fullmatch(kind):
        raise InputError(
            "this is not the type of a resource",
            where="`resource`",
            next_step="use the name of an entity type of the policies' schema",
        )
    if type(name) is not str or not 1 <= len(name.encode("utf-8", "replace")) <= 1_024:
        raise InputError(
            "the resource's id must have 1 to 1,024 bytes of text", where="`resource`"
        )
    return Resource(kind, name)


def intent(reason: str | None, trigger: Trigger | None) -> dict[str, Any]:
    """The agent's own words, checked."""
    found: dict[str, Any] = {}
    if reason is not None:
        found["justification"] = _words(reason, "`reason`")
    if trigger is not None:
        inner = {
            "id": _words(trigger.id, "`trigger.id`"),
            "kind": _words(trigger.kind, "`trigger.kind`"),
        }
        if trigger.parent is not None:
            inner["parent"] = _words(trigger.parent, "`trigger.parent`")
        found["trigger"] = inner
    return found


def _words(text: str, where: str) -> str:
    if type(text) is not str:
        raise InputError("this is not text", where=where, next_step="pass a str")
    if len(text.encode("utf-8", "replace")) > _MAX_REASON:
        raise InputError(
            "the text is too long", where=where, next_step=f"use at most {_MAX_REASON} bytes"
        )
    if contains_token(text):
        raise InputError("the text has a token in it", where=where, next_step="leave it out")
    return text


@dataclass(frozen=True)
class SubmittedAction:
    """What a gate reads of an action in the server's answers."""

    id: str
    #: The action digest, which decisions and grants name.
    digest: str
    #: The operation digest that the server computed.
    operation_digest: str
    #: ``pending``, ``cleared``, ``denied``, ``claimed`` and so on.
    state: str
    #: Counts the changes.
    version: int
    #: The gate's name as the server knows it; ``advisory`` without a credential of its own.
    gate: str
    #: True when outcomes are only claims, because the gate has no credential of its own.
    is_advisory: bool
    #: True while the installation is not sealed.
    is_unsealed: bool
    #: Where a person looks at it.
    url: str | None
    #: When silence becomes a denial, as an instant of RFC 3339.
    deadline: str | None
    #: Names of the persons who may decide.
    eligible: tuple[str, ...]
    #: Why policy wants a review or denies, as far as it says.
    reasons: tuple[str, ...]
    #: Who decided what so far, with the reasons they gave.
    decisions: tuple[str, ...]
    #: The claim as it came, to be verified.
    claim: Mapping[str, Any] | None

    @staticmethod
    def read(json: Any) -> SubmittedAction:
        """Reads an action; unknown members are ignored, missing ones are errors."""
        if not isinstance(json, dict):
            raise _not_an_action()
        gate = json.get("gate")
        name = gate.get("id") if isinstance(gate, dict) else None
        found = [json.get(key) for key in ("id", "digest", "operationDigest", "state")]
        version = json.get("version")
        if (
            not isinstance(name, str)
            or type(version) is not int
            or not all(isinstance(text, str) for text in found)
        ):
            raise _not_an_action()
        identifier, digest, operation, state = (str(text) for text in found)
        if not (
            _ID.fullmatch(identifier) and _DIGEST.fullmatch(digest) and _DIGEST.fullmatch(operation)
        ):
            raise _not_an_action()
        advisory, unsealed, claim = json.get("advisory"), json.get("unsealed"), json.get("claim")
        return SubmittedAction(
            id=identifier,
            digest=digest,
            operation_digest=operation,
            state=state,
            version=version,
            gate=name,
            is_advisory=advisory is not False,
            is_unsealed=unsealed is not False,
            url=_text(json.get("url")),
            deadline=_text(json.get("deadline")),
            eligible=tuple(
                text
                for person in _objects(json, "review", "eligible")
                if (text := _text(person.get("name")) or _text(person.get("id")))
            ),
            reasons=tuple(
                text
                for reason in _objects(json, "verdict", "reasons")
                if (text := _text(reason.get("reason")))
            ),
            decisions=tuple(
                text for decision in _list(json.get("decisions")) if (text := _decision(decision))
            ),
            claim=claim if isinstance(claim, dict) else None,
        )


def _not_an_action() -> Unavailable:
    return Unavailable(
        "the answer is not an action", next_step="check that the address is an Exequatur server's"
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _list(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _objects(json: dict[str, Any], outer: str, inner: str) -> list[dict[str, Any]]:
    found = json.get(outer)
    return _list(found.get(inner)) if isinstance(found, dict) else []


def _decision(json: dict[str, Any]) -> str | None:
    person, kind = _text(json.get("person")), _text(json.get("decision"))
    if person is None or kind is None:
        return None
    reason = _text(json.get("reason"))
    verb = "approved" if kind == "approve" else "denied"
    return f"{person} {verb}" + (f": {reason}" if reason else "")
