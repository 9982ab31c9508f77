# SPDX-License-Identifier: Apache-2.0
"""What somebody asks to run."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import CommandError
from .tokens import contains_token

__all__ = ["CommandRequest"]

_MAX_ARGUMENTS = 4_096
_MAX_ARGUMENT_BYTES = 262_144
_MAX_STDIN = 1_048_576
_MAX_FILES = 64


@dataclass(frozen=True)
class CommandRequest:
    """What somebody asks to run, checked for its form."""

    arguments: tuple[str, ...]
    directory: str
    environment: Mapping[str, str]
    variables: tuple[str, ...]
    bindings: tuple[str, ...]
    stdin: bytes | None
    host: str

    @staticmethod
    def make(
        arguments: Sequence[str],
        *,
        cwd: str | os.PathLike[str] | None,
        env: Mapping[str, str] | None,
        variables: Sequence[str],
        bind: Sequence[str],
        stdin: bytes | None,
        host: str | None,
    ) -> CommandRequest:
        """Checks words and sizes; raises :class:`CommandError`."""
        if isinstance(arguments, (str, bytes)) or not arguments:
            raise CommandError("no list of words: pass them one by one", exit_code=64)
        size = 0
        for index, word in enumerate(arguments):
            what = f"word {index} of the command"
            if type(word) is not str:
                raise CommandError(f"{what} is not text", exit_code=64)
            try:
                size += len(word.encode("utf-8"))
            except UnicodeEncodeError:
                raise CommandError(f"{what} is not UTF-8: change it") from None
            if "\0" in word:
                raise CommandError(f"{what} has a NUL: change it")
            if contains_token(word):
                raise CommandError(f"{what} has a token of Exequatur in it: remove it")
        if len(arguments) > _MAX_ARGUMENTS or size > _MAX_ARGUMENT_BYTES:
            raise CommandError(f"the command exceeds {_MAX_ARGUMENT_BYTES} bytes: shorten it")
        if stdin is not None and len(stdin) > _MAX_STDIN:
            raise CommandError(f"standard input exceeds {_MAX_STDIN} bytes: use a file")
        if len(bind) > _MAX_FILES:
            raise CommandError(f"more than {_MAX_FILES} bound files")
        return CommandRequest(
            tuple(arguments),
            os.fspath(cwd) if cwd is not None else os.getcwd(),
            dict(os.environ if env is None else env),
            tuple(variables),
            tuple(bind),
            stdin or None,
            host or socket.gethostname(),
        )
