# SPDX-License-Identifier: Apache-2.0
"""Commands: the shape of the program's own gate, and what differs is not run."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from service import BINARY, Service

from exequatur import CommandError, Denied, Gate, Pending, VerificationFailed
from exequatur.environment import CommandEnvironment


def approved(service: Service, work: Callable[[], Any], between: Callable[[], None]) -> Any:
    """Runs something that waits, does something meanwhile, and then approves it."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    action = service.pending()
    between()
    service.decide(action)
    thread.join(30)
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def nothing() -> None:
    pass


ABORT = ["python3", "-c", "import os; os.abort()"]


def test_what_only_reads_runs_at_once_and_is_advisory(service: Service, gate: Gate) -> None:
    found = gate.run(["ls", "-1", "/"], capture=True, reason="look around")
    assert found.exit_code == 0 and b"etc\n" in found.stdout
    shown = service.show(found.action_id)
    assert shown["state"] == "succeeded"
    # Although this gate has a credential of its own.
    assert shown["advisory"] is True and shown["gate"]["id"] == "advisory"
    assert shown["facts"]["effect"] == "read" and shown["facts"]["inspectable"] is True


def test_other_commands_wait(service: Service, gate: Gate, tmp_path: Path) -> None:
    target = tmp_path / "made"
    with pytest.raises(Pending):
        gate.run(["touch", str(target)], wait=0)
    assert not target.exists()
    found = approved(service, lambda: gate.run(["touch", str(target)]), nothing)
    assert found.exit_code == 0 and target.exists()


def test_exit_codes_and_output(service: Service, gate: Gate) -> None:
    found = approved(
        service,
        lambda: gate.run(
            ["sh", "-c", "cat; echo no >&2; echo $EXEQUATUR_ACTION_ID $EXEQUATUR_TOKEN; exit 3"],
            stdin=b"typed\n",
            capture=True,
            env={**os.environ, "EXEQUATUR_TOKEN": service.agent},
        ),
        nothing,
    )
    assert found.exit_code == 3
    assert found.stdout == f"typed\n{found.action_id}\n".encode()
    assert found.stderr == b"no\n"
    shown = service.show(found.action_id)
    assert shown["state"] == "failed" and shown["outcome"]["exitCode"] == 3
    killed = approved(service, lambda: gate.run(ABORT), nothing)
    assert killed.exit_code == 134


def test_a_denied_command_does_not_run(service: Service, gate: Gate, tmp_path: Path) -> None:
    target = tmp_path / "made"
    with service.reviewer_decides("deny"), pytest.raises(Denied):
        gate.run(["touch", str(target)])
    assert not target.exists()


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_script_that_changes_while_it_waits_is_not_run(
    service: Service, gate: Gate, tmp_path: Path
) -> None:
    good, made = tmp_path / "job.sh", tmp_path / "made"
    script(good, "true")
    for words in ([str(good)], ["sh", str(good)]):
        script(good, f"true {words}")
        with pytest.raises(VerificationFailed, match="script changed") as caught:
            approved(service, lambda: gate.run(words), lambda: script(good, f"touch {made}"))
        assert caught.value.code == "changed" and caught.value.is_alarm
        assert not made.exists()
        assert service.actions()[0]["state"] == "not_started"


def test_bound_files_and_the_directory_are_rechecked(
    service: Service, gate: Gate, tmp_path: Path
) -> None:
    plan, place = tmp_path / "plan", tmp_path / "place"
    plan.write_text("one")
    place.mkdir()

    def run() -> Any:
        return gate.run(["touch", "x"], bind=[str(plan)], cwd=place)

    with pytest.raises(VerificationFailed, match="bindings changed"):
        approved(service, run, lambda: plan.write_text("two") and None)

    def swap() -> None:
        place.rename(tmp_path / "away")
        place.mkdir()

    with pytest.raises(VerificationFailed, match="cwdIdentity"):
        approved(service, run, swap)
    assert not (place / "x").exists()


def test_a_changed_operand_is_reported(service: Service, gate: Gate, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_text("one")
    found = approved(
        service, lambda: gate.run(["touch", str(data)]), lambda: data.write_text("two") and None
    )
    assert found.exit_code == 0
    assert found.changed == (f"operand changed since it was asked for: `{data}`",)


def program_input(service: Service, words: list[str], tmp_path: Path, **options: Any) -> Any:
    """The input that the program itself freezes for the same command."""
    environment = {
        **service._environment(service.agent),
        "EXEQUATUR_STATE_DIR": str(tmp_path / "state"),
    }
    before = service.newest()
    subprocess.run(
        [BINARY, "run", "--wait", "0s", *options.pop("flags", []), "--", *words],
        env=environment,
        input=options.pop("stdin", b""),
        capture_output=True,
        timeout=60,
        **options,
    )
    newest = service.newest()
    assert newest is not None and newest != before
    return service.show(newest)


def test_the_operation_is_the_one_of_the_program(
    service: Service, gate: Gate, tmp_path: Path
) -> None:
    """Byte for byte, so that either finds the other's pending action again."""
    job = tmp_path / "job.sh"
    script(job, "exit 0")
    (tmp_path / "data").write_text("x")
    env_script = tmp_path / "e.py"
    env_script.write_text("#!/usr/bin/env python3\nprint(1)\n")
    env_script.chmod(0o755)
    cases: list[tuple[list[str], dict[str, Any]]] = [
        (["touch", "data"], {}),
        (["touch", f"--reference={tmp_path}/data", "@data"], {}),
        (["sh", "-e", "job.sh", "data"], {}),
        (["./job.sh"], {}),
        (["./e.py"], {}),
        (["tee", "out"], {"stdin": b"text\n"}),
        (["tee", "out"], {"stdin": b"\0\1\xff"}),
        (["touch", "new"], {"bind": ["data"]}),
    ]
    for words, options in cases:
        flags = [flag for path in options.get("bind", []) for flag in ("--bind", path)]
        shown = program_input(
            service, words, tmp_path, cwd=tmp_path, flags=flags, stdin=options.get("stdin", b"")
        )
        assert shown["state"] == "pending", (words, shown["state"])
        environment = service._environment(service.agent)
        with pytest.raises(Pending) as caught:
            gate.run(words, cwd=tmp_path, wait=0, env=environment, **options)
        assert caught.value.action is not None
        ours = service.show(caught.value.action.id)
        assert ours["operation"] == shown["operation"], words
        assert ours["id"] == shown["id"]


def test_commands_are_checked(gate: Gate, service: Service, tmp_path: Path) -> None:
    cases: list[tuple[Any, str, int]] = [
        ([], "no list of words", 64),
        ("ls /", "no list of words", 64),
        (["ls", 1], "not text", 64),
        (["ls", "a\0b"], "NUL", 77),
        (["ls", "\udc80"], "not UTF-8", 77),
        (["ls", service.agent], "a token of Exequatur", 77),
        (["ls"] * 5_000, "exceeds", 77),
        (["nothing-of-that-name"], "not found", 127),
        (["./nothing"], "not found", 127),
        (["/etc/passwd"], "not an executable", 126),
        ([""], "not found", 127),
    ]
    before = service.newest()
    for words, message, code in cases:
        with pytest.raises(CommandError, match=message) as caught:
            gate.run(words)
        assert caught.value.exit_code == code, words
    odd = tmp_path / "odd"
    odd.write_text("neither\n")
    odd.chmod(0o755)
    with pytest.raises(CommandError, match="neither a binary"):
        gate.run([str(odd)])
    odd.write_text("#!/usr/bin/env -S A=1 sh\n")
    with pytest.raises(CommandError, match="cannot be bound"):
        gate.run([str(odd)])
    with pytest.raises(CommandError, match="cannot be bound: no such file"):
        gate.run(["ls"], bind=["missing"])
    with pytest.raises(CommandError, match="standard input exceeds"):
        gate.run(["ls"], stdin=b"x" * 2_000_000)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CommandError, match="not a regular file"):
        gate.run(["ls"], bind=[str(tmp_path / "pipe")])
    assert service.newest() == before


def test_output_that_is_kept_has_a_limit(
    service: Service, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exequatur.command_process.MAX_CAPTURED", 1_000)
    found = gate.run(["ls", "-lR", "/etc"], capture=True)
    assert len(found.stdout) == 1_000 and found.is_truncated


def test_variables_follow_the_rules_of_the_program() -> None:
    key = b"k" * 32
    found = CommandEnvironment.make(
        {
            "HOME": "/home/a",
            "PATH": "/usr/bin:relative::/bin",
            "LD_PRELOAD": "/tmp/x.so",
            "PYTHONPATH": "/tmp",
            "GIT_DIR": "/tmp",
            "AWS_SECRET_ACCESS_KEY": "s3cret",
            "AWS_REGION": "eu",
            "DATABASE_URL": "postgres://u:p@h/d",
            "UNKNOWN": "x",
            "ASKED": "y",
            "LANG": "() { :;}",
            "EXEQUATUR_TOKEN": "x",
            "TERM": "exq1_a_" + "0" * 32 + "_secret",
            "BAD-NAME": "1",
            "TZ": "\udc80",
        },
        ["ASKED", "LD_PRELOAD"],
        "/work",
        key,
    )
    assert found.path == "/usr/bin:/bin"
    assert found.dropped == ["BAD-NAME", "GIT_DIR", "LANG", "LD_PRELOAD", "PYTHONPATH"]
    assert found.variables["AWS_SECRET_ACCESS_KEY"] == "s3cret"
    assert "s3cret" not in json.dumps(found.shown) and "postgres" not in json.dumps(found.shown)
    assert found.shown["ASKED"] == "y" and found.shown["PWD"] == "/work"
    assert found.shown["PAGER"] == "cat"
    for name in ("UNKNOWN", "EXEQUATUR_TOKEN", "TERM", "TZ"):
        assert name not in found.variables
    with pytest.raises(CommandError, match="environment exceeds"):
        CommandEnvironment.make({"HOME": "x" * 200_000}, [], "/", key)
