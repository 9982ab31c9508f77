# SPDX-License-Identifier: Apache-2.0
"""Running a command once it is cleared, for machines without the program ``exequatur``.

The operation has the shape that ``exequatur run`` gives it: ``command.run`` on the host, with
arguments, executable, interpreter and script by content, working directory, environment, standard
input, bound files and operands. All of it is frozen before asking and recomputed right before the
start; what differs then is not run.

It is always advisory, and the server labels it so. What ``exequatur run`` binds and this does not:

- The program is started by its path, not through the descriptor that was hashed. Whoever can
  write to that file can exchange it between the last look and the start.
- A script is read by its interpreter from its path, not from a sealed copy in memory.
- The configuration files that ``git`` obeys are not among what is shown, so that no ``git``
  command counts as read-only.
- Standard input is what is passed as ``stdin``, never that of the calling process.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from . import actions
from .actions import Operation
from .environment import CommandEnvironment
from .errors import CommandError, NotExecuted, VerificationFailed
from .execution import Heartbeats, logger
from .protocol import Call, Client, Grant, Outcome, Steps
from .tokens import contains_token

__all__ = ["CommandRequest", "CommandResult", "run"]

_MAX_ARGUMENTS = 4_096
_MAX_ARGUMENT_BYTES = 262_144
_MAX_SHOWN = 65_536
_MAX_STDIN = 1_048_576
_MAX_SCRIPT = 8_388_608
_MAX_FILE = 1_073_741_824
_MAX_OPERAND = 268_435_456
_MAX_FILES = 64
#: The most bytes of each output that are kept; the rest is read and dropped.
MAX_CAPTURED = 16_777_216


@dataclass(frozen=True)
class CommandResult:
    """How a command ended."""

    action_id: str
    #: As a shell tells it: the exit code, or 128 and the signal.
    exit_code: int
    #: What it wrote, where that was captured.
    stdout: bytes = b""
    stderr: bytes = b""
    #: True when it wrote more than is kept.
    is_truncated: bool = False
    #: Operand files that changed while it waited, one line each.
    changed: tuple[str, ...] = ()
    #: Why the server does not have the outcome; ``None`` when it has.
    unreported: str | None = None


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


@dataclass(frozen=True)
class _Snapshot:
    """Everything a command depends on that is bound, as it is at one moment."""

    input: dict[str, Any]
    program: str
    directory: str
    environment: dict[str, str]


def run(
    client: Client, request: CommandRequest, reason: str | None, wait: float, *, capture: bool
) -> Steps[CommandResult]:
    """Asks for a command and runs it: freeze, ask, wait, claim, check, execute, report."""
    intent = actions.intent(reason, None)
    frozen: _Snapshot = yield Call(lambda: _snapshot(request, client))
    operation = Operation.freeze(
        "command.run", actions.Resource("Host", request.host), frozen.input
    )
    yield from client.send_kept_reports()
    grant = yield from client.obtain(operation, intent, wait)
    try:
        current: _Snapshot = yield Call(lambda: _snapshot(request, client))
        changed = _compare(operation.input, current.input)
        grant.check_start()
    except NotExecuted as error:
        yield from client.report(
            Outcome("not_started", str(error)), grant.action.id, grant.nonce
        )
        raise
    heartbeats = Heartbeats(client, grant.action.id)
    child = _Child(request, current, grant, capture)
    try:
        result: CommandResult = yield Call(child.run, child.terminate)
    except NotExecuted as error:
        yield from client.report(
            Outcome("not_started", str(error)), grant.action.id, grant.nonce
        )
        raise
    except BaseException:
        child.terminate()
        outcome = Outcome("unknown", "the gate was interrupted while the command ran")
        yield from client.report(outcome, grant.action.id, grant.nonce)
        raise
    finally:
        heartbeats.stop()
    words = "; ".join(changed) or None
    status = "succeeded" if result.exit_code == 0 else "failed"
    problem = yield from client.report(
        Outcome(status, words, result.exit_code), grant.action.id, grant.nonce
    )
    if problem is not None:
        logger.warning("the outcome of %s is not reported: %s", grant.action.id, problem)
    return CommandResult(
        result.action_id,
        result.exit_code,
        result.stdout,
        result.stderr,
        result.is_truncated,
        tuple(changed),
        problem,
    )


# MARK: execution


class _Child:
    """One process, which another thread may end."""

    def __init__(
        self, request: CommandRequest, snapshot: _Snapshot, grant: Grant, capture: bool
    ):
        self._request = request
        self._snapshot = snapshot
        self._grant = grant
        self._capture = capture
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ended = False

    def terminate(self) -> None:
        """Sends SIGTERM, or keeps the command from starting."""
        with self._lock:
            self._is_ended = True
            if self._process is not None:
                self._process.terminate()

    def run(self) -> CommandResult:
        """Starts the command and waits for its end."""
        environment = dict(self._snapshot.environment)
        environment["EXEQUATUR_ACTION_ID"] = self._grant.action.id
        output = subprocess.PIPE if self._capture else None
        has_input = self._request.stdin is not None
        with self._lock:
            if self._is_ended:
                raise CommandError("the command was cancelled before its start")
            try:
                process = subprocess.Popen(
                    list(self._request.arguments),
                    executable=self._snapshot.program,
                    cwd=self._snapshot.directory,
                    env=environment,
                    stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error)
                raise CommandError(f"the command did not start: {why}", exit_code=126) from None
            self._process = process
        pumps = [_Pump(stream) for stream in (process.stdout, process.stderr) if stream]
        if process.stdin is not None:
            threading.Thread(
                target=_feed, args=(process.stdin, self._request.stdin or b""), daemon=True
            ).start()
        code = process.wait()
        kept = [pump.result() for pump in pumps] or [(b"", False), (b"", False)]
        return CommandResult(
            self._grant.action.id,
            code if code >= 0 else 128 - code,
            kept[0][0],
            kept[1][0],
            kept[0][1] or kept[1][1],
        )


def _feed(stream: IO[bytes], data: bytes) -> None:
    try:
        with stream:
            stream.write(data)
    except OSError:
        pass  # It does not read its input; that is its own affair.


class _Pump:
    """Reads a stream to its end, and keeps what fits."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream
        self._kept = bytearray()
        self._is_truncated = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._stream:
            while chunk := self._stream.read(65_536):
                room = MAX_CAPTURED - len(self._kept)
                self._kept += chunk[:room]
                self._is_truncated = self._is_truncated or len(chunk) > room

    def result(self) -> tuple[bytes, bool]:
        self._thread.join()
        return bytes(self._kept), self._is_truncated


# MARK: freezing


def _snapshot(request: CommandRequest, client: Client) -> _Snapshot:
    try:
        directory = os.path.realpath(request.directory, strict=True)
        place = os.stat(directory)
        if not stat.S_ISDIR(place.st_mode):
            raise NotADirectoryError(0, "not a directory")
    except OSError as error:
        raise _unreadable(request.directory, error) from None
    environment = CommandEnvironment.make(
        request.environment, request.variables, directory, client.state.digest_key()
    )
    launch = _Launch(request.arguments, directory, environment.path)
    input: dict[str, Any] = {
        "argv": list(request.arguments),
        "bindings": [
            {**_File.open(path, directory).json(show=True), "given": path}
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
    return _Snapshot(input, launch.called, directory, environment.variables)


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
    if len(data) <= _MAX_SHOWN:
        text = _shown(data)
        if text is not None:
            found["text"] = text
        else:
            found["base64"] = base64.b64encode(data).decode("ascii")
    return found


def _shown(data: bytes) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _unreadable(path: str, error: OSError) -> CommandError:
    return CommandError(f"`{path}` cannot be bound: {(error.strerror or str(error)).lower()}")


@dataclass(frozen=True)
class _File:
    """A regular file and what was in it."""

    path: str
    digest: str
    size: int
    #: The bytes, where they are few enough.
    data: bytes | None
    head: bytes

    @staticmethod
    def open(given: str, directory: str, limit: int = _MAX_FILE) -> _File:
        """Reads and hashes a file; raises :class:`CommandError`."""
        try:
            return _File.read(os.path.realpath(os.path.join(directory, given), strict=True), limit)
        except OSError as error:
            raise _unreadable(given, error) from None

    @staticmethod
    def read(path: str, limit: int) -> _File:
        """Reads and hashes the file at a path without links; raises ``OSError``."""
        # Non-blocking, so that a FIFO in the file's place cannot hold the gate up.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise OSError(0, "not a regular file")
            if before.st_size > limit:
                raise OSError(0, f"larger than {limit} bytes")
            digest = hashlib.sha256()
            size = 0
            head = b""
            kept: bytearray | None = bytearray() if before.st_size <= _MAX_SCRIPT else None
            while chunk := file.read(262_144):
                digest.update(chunk)
                head = head or chunk[:4_096]
                size += len(chunk)
                if size > limit:
                    raise OSError(0, "grows while it is read")
                if kept is not None:
                    kept += chunk
            after = os.fstat(file.fileno())
        if size != before.st_size or (before.st_mtime_ns, before.st_size) != (
            after.st_mtime_ns,
            after.st_size,
        ):
            raise OSError(0, "changed while it was hashed, try again")
        data = bytes(kept) if kept is not None else None
        return _File(path, f"sha256:{digest.hexdigest()}", size, data, head)

    @property
    def is_binary(self) -> bool:
        """True for what the system starts by itself: ELF, Mach-O, PE."""
        magic = (
            b"\x7fELF",
            b"\xfe\xed\xfa\xce",
            b"\xfe\xed\xfa\xcf",
            b"\xce\xfa\xed\xfe",
            b"\xcf\xfa\xed\xfe",
            b"\xca\xfe\xba\xbe",
        )
        return self.head.startswith(magic) or (
            sys.platform == "win32" and self.head.startswith(b"MZ")
        )

    def json(self, *, show: bool = False, kind: bool = False) -> dict[str, Any]:
        """As it stands in the input, with its text where that is asked for and possible."""
        found: dict[str, Any] = {"digest": self.digest, "path": self.path, "size": self.size}
        if show and self.data is not None and self.size <= _MAX_SHOWN:
            text = _shown(self.data)
            if text is not None:
                found["text"] = text
        if kind:
            if self.head.startswith(b"\x7fELF"):
                found["kind"] = "elf"
            else:
                found["kind"] = "script" if _shebang(self.head) else "other"
        return found


def _shebang(head: bytes) -> tuple[str, str | None] | None:
    """Interpreter and argument of a script's first line, as Linux reads it."""
    end = head[:256].find(b"\n")
    if not head.startswith(b"#!") or end < 0 or b"\0" in head[:end]:
        return None
    try:
        words = head[2:end].decode("utf-8").strip(" \t")
    except UnicodeDecodeError:
        return None
    found = re.match(r"([^ \t]*)[ \t]*(.*)\Z", words, re.DOTALL)
    if found is None or not found[1].startswith("/"):
        return None
    return found[1], found[2] or None


class _Launch:
    """What takes part in starting a command: the program, its interpreters, a script."""

    def __init__(self, arguments: Sequence[str], directory: str, path: str):
        self.called = _find(arguments[0], directory, path)
        self.executable = _File.open(self.called, directory)
        self.interpreters: list[_File] = []
        self.scripts: list[_File] = []
        self.script: _File | None = None
        file = self.executable
        called = self.called
        while not file.is_binary:
            line = _shebang(file.head)
            if line is None or len(self.interpreters) > 3 or file.size > _MAX_SCRIPT:
                if sys.platform == "win32" and file is self.executable:
                    break
                raise CommandError(
                    f"`{called}` cannot be executed: neither a binary nor a script that names"
                    " its interpreter",
                    exit_code=126,
                )
            self.scripts.append(file)
            called = _interpreter(line, directory, path)
            file = _File.open(called, directory)
            self.interpreters.append(file)
        if self.scripts:
            self.script = self.scripts[0]
        index = _script_operand(arguments)
        if index is not None:
            place = os.path.join(directory, arguments[index])
            if os.path.isfile(place):
                self.script = _File.open(place, directory, _MAX_SCRIPT)
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


def _operands(arguments: Sequence[str], directory: str, launch: _Launch) -> list[Any]:
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
        return _File.read(path, _MAX_OPERAND).json()
    except OSError as error:
        # Not the gate's to refuse: the program may read what the gate cannot.
        return {"path": path, "unhashed": (error.strerror or str(error)).lower()}


# MARK: the check right before execution


def _compare(frozen: dict[str, Any], current: dict[str, Any]) -> list[str]:
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
