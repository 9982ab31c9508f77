# SPDX-License-Identifier: Apache-2.0
"""What the system would start for a command: program, interpreters, script."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from .command_files import MAX_SCRIPT, BoundFile, shebang
from .errors import CommandError

__all__ = ["Launch"]


class Launch:
    """What takes part in starting a command: the program, its interpreters, a script."""

    def __init__(self, arguments: Sequence[str], directory: str, path: str):
        self.called = _find(arguments[0], directory, path)
        self.executable = BoundFile.open(self.called, directory)
        self.interpreters: list[BoundFile] = []
        self.scripts: list[BoundFile] = []
        self.script: BoundFile | None = None
        file = self.executable
        called = self.called
        while not file.is_binary:
            line = shebang(file.head)
            if line is None or len(self.interpreters) > 3 or file.size > MAX_SCRIPT:
                if sys.platform == "win32" and file is self.executable:
                    break
                raise CommandError(
                    f"`{called}` cannot be executed: neither a binary nor a script that names"
                    " its interpreter",
                    exit_code=126,
                )
            self.scripts.append(file)
            called = _interpreter(line, directory, path)
            file = BoundFile.open(called, directory)
            self.interpreters.append(file)
        if self.scripts:
            self.script = self.scripts[0]
        index = _script_operand(arguments)
        if index is not None:
            place = os.path.join(directory, arguments[index])
            if os.path.isfile(place):
                self.script = BoundFile.open(place, directory, MAX_SCRIPT)
                self.scripts.append(self.script)

    def interpreter_json(self) -> dict[str, Any] | None:
        """The interpreter of the script, with its own interpreter inside it."""
        json: dict[str, Any] | None = None
        for file in reversed(self.interpreters):
            outer = file.json(kind=True)
            if json is not None:
                outer["interpreter"] = json
            json = outer
        if json is None and self.script is not None:
            return self.executable.json(kind=True)
        return json


def _find(name: str, directory: str, path: str) -> str:
    """Looks a program up as execvp(3) does, but in absolute directories only."""
    if sys.platform == "win32":
        import shutil

        found = shutil.which(name, path=path)
        if found is None:
            raise CommandError(f"`{name}`: command not found in `PATH`", exit_code=127)
        return os.path.join(directory, found)
    if "/" in name:
        full = os.path.join(directory, name)
        if not os.path.exists(full):
            raise CommandError(f"`{name}`: command not found", exit_code=127)
        if not _is_executable(full):
            raise CommandError(
                f"`{full}` cannot be executed: not an executable file", exit_code=126
            )
        return full
    for entry in path.split(os.pathsep):
        full = f"{entry}/{name}"
        if name and entry and _is_executable(full):
            return full
    raise CommandError(f"`{name}`: command not found in `PATH`", exit_code=127)


def _is_executable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _interpreter(line: tuple[str, str | None], directory: str, path: str) -> str:
    name, argument = line
    if os.path.basename(name) != "env":
        if not _is_executable(name):
            raise CommandError(f"`{name}`: command not found", exit_code=127)
        return name
    words = [argument or ""]
    if words[0].startswith("-S"):
        words = words[0][2:].split()
    first = words[0] if words else ""
    if not first or first.startswith("-") or "=" in first or set("\\\"'$#") & set(argument or ""):
        raise CommandError(
            f"`{name} {argument or ''}` in the first line of a script cannot be bound",
            exit_code=126,
        )
    return _find(first, directory, path)


# Names of interpreters, options with a separate value, options after which there is no script.
_FORMS: list[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = [
    (
        ("sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "rbash", "fish"),
        ("-o", "+o", "-O", "+O", "--rcfile", "--init-file"),
        ("-c", "-s"),
    ),
    (("python", "pypy"), ("-W", "-X"), ("-c", "-m", "-")),
    (("perl",), ("-I", "-M"), ("-e", "-E", "-")),
    (("ruby", "jruby"), ("-I", "-r", "-C"), ("-e", "-")),
    (
        ("node", "nodejs"),
        ("-r", "--require", "--import", "--loader", "-C", "--conditions"),
        ("-e", "--eval", "-p", "--print", "-", "-c", "--check"),
    ),
    (("php",), ("-d", "-c"), ("-r", "-a", "-S", "-B", "-R", "-F")),
    (("lua", "luajit", "tclsh", "wish", "Rscript"), ("-l",), ("-e",)),
]


def _script_operand(arguments: Sequence[str]) -> int | None:
    """Where an interpreter takes its script among its words."""
    called = os.path.basename(arguments[0])
    # python3.11 is python.
    name = re.split(r"[0-9.]", called, maxsplit=1)[0]
    form = next((form for form in _FORMS if name in form[0]), None)
    if form is None:
        return None
    _, valued, ending = form
    index = 1
    while index < len(arguments):
        word = arguments[index]
        if word == "--":
            return index + 1 if index + 1 < len(arguments) else None
        if word in valued:
            index += 2
            continue
        if not word.startswith(("-", "+")):
            return index
        if word in ending or _is_ending_cluster(word, ending):
            return None
        index += 1
    return None


def _is_ending_cluster(word: str, ending: Sequence[str]) -> bool:
    """`-ec` of a shell ends with `-c` too."""
    if word.startswith("--") or len(word.encode("utf-8")) <= 2:
        return False
    return any(len(e) == 2 and e[1] in word[1:] for e in ending)
