# SPDX-License-Identifier: Apache-2.0
"""What a command depends on, frozen before asking and compared right before the start."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .command_files import MAX_SHOWN, BoundFile, shown_text, unreadable
from .command_launch import Launch
from .command_request import CommandRequest
from .environment import CommandEnvironment
from .errors import VerificationFailed
from .state import GateState

__all__ = ["Snapshot", "compare"]

_MAX_OPERAND = 268_435_456
_MAX_FILES = 64


@dataclass(frozen=True)
class Snapshot:
    """Everything a command depends on that is bound, as it is at one moment."""

    input: dict[str, Any]
    program: str
    directory: str
    environment: dict[str, str]

    @staticmethod
    def take(request: CommandRequest, state: GateState) -> Snapshot:
        """Reads it anew from the disk; raises :class:`CommandError`."""
        try:
            directory = os.path.realpath(request.directory, strict=True)
            place = os.stat(directory)
            if not stat.S_ISDIR(place.st_mode):
                raise NotADirectoryError(0, "not a directory")
        except OSError as error:
            raise unreadable(request.directory, error) from None
        environment = CommandEnvironment.make(
            request.environment, request.variables, directory, state.digest_key()
        )
        launch = Launch(request.arguments, directory, environment.path)
        input: dict[str, Any] = {
            "argv": list(request.arguments),
            "bindings": [
                {**BoundFile.open(path, directory).json(show=True), "given": path}
                for path in request.bindings
            ],
            "cwd": directory,
            "cwdIdentity": f"{place.st_dev}:{place.st_ino}",
            "environment": environment.shown,
            "environmentDropped": environment.dropped,
            "executable": launch.executable.json(kind=True),
            "operands": _operands(request.arguments, directory, launch),
            "stdin": _stdin(request.stdin),
        }
        if sys.platform != "win32":
            input["account"] = _account()
        interpreter = launch.interpreter_json()
        if interpreter is not None:
            input["interpreter"] = interpreter
        if launch.script is not None:
            input["script"] = launch.script.json(show=True)
        return Snapshot(input, launch.called, directory, environment.variables)


def _account() -> dict[str, Any]:
    import pwd

    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return {"uid": uid, "user": str(uid)}
    return {"home": entry.pw_dir, "uid": uid, "user": entry.pw_name}


def _stdin(data: bytes | None) -> dict[str, Any]:
    if data is None:
        return {"kind": "null"}
    found: dict[str, Any] = {
        "digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
        "kind": "bytes",
        "size": len(data),
    }
    if len(data) <= MAX_SHOWN:
        text = shown_text(data)
        if text is not None:
            found["text"] = text
        else:
            found["base64"] = base64.b64encode(data).decode("ascii")
    return found


def _operands(arguments: Sequence[str], directory: str, launch: Launch) -> list[Any]:
    """Regular files that the words lead to, each once, without what is bound already."""
    seen = {script.path for script in launch.scripts} | {launch.executable.path}
    found: list[Any] = []
    for word in arguments[1:]:
        candidates = [word]
        if "=" in word:
            candidates.append(word.partition("=")[2])
        if word.startswith("@"):
            candidates.append(word[1:])
        for candidate in candidates:
            if not candidate or len(candidate.encode("utf-8")) >= 4_096 or len(found) >= _MAX_FILES:
                continue
            path = os.path.join(directory, candidate)
            if not os.path.isfile(path):
                continue
            path = os.path.realpath(path)
            if path not in seen:
                seen.add(path)
                found.append(_operand(path))
    return found


def _operand(path: str) -> dict[str, Any]:
    try:
        return BoundFile.read(path, _MAX_OPERAND).json()
    except OSError as error:
        # Not the gate's to refuse: the program may read what the gate cannot.
        return {"path": path, "unhashed": (error.strerror or str(error)).lower()}


def compare(frozen: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """Operand files that changed; raises when anything else did."""
    refused: list[str] = []
    changed: list[str] = []
    for name in sorted({*frozen, *current}):
        if frozen.get(name) == current.get(name):
            continue
        if name == "operands":
            changed += _changed_files(frozen.get(name, []), current.get(name, []))
        else:
            refused.append(name)
    if refused:
        raise VerificationFailed(
            f"not what was approved, so it was not run: {', '.join(refused)} changed",
            code="changed",
            next_step="find out who changed it, and ask again",
        )
    return changed


def _changed_files(frozen: list[Any], current: list[Any]) -> list[str]:
    was = {file["path"]: file.get("digest") for file in frozen}
    now = {file["path"]: file.get("digest") for file in current}
    return [
        f"operand changed since it was asked for: `{path[:200]}`"
        for path in sorted({*was, *now})
        if was.get(path) != now.get(path) or (path in was) != (path in now)
    ]
