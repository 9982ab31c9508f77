# SPDX-License-Identifier: Apache-2.0
"""The state directory: what is used stays used, and what was changed is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from service import Service

from exequatur import ConfigurationError, Gate, NonceUsed, StateError
from exequatur.state import GateState, default_directory
from exequatur.tokens import Token, contains_token

NONCE = "ab" * 32
ACTION = "act_" + "0" * 26


@pytest.fixture
def state(tmp_path: Path) -> GateState:
    return GateState(tmp_path / "state")


def test_a_nonce_is_used_once(state: GateState) -> None:
    state.use_nonce(NONCE, ACTION)
    with pytest.raises(NonceUsed):
        state.use_nonce(NONCE, ACTION)
    with pytest.raises(NonceUsed):
        GateState(state.directory).use_nonce(NONCE, "act_" + "1" * 26)
    assert (state.directory / "nonces" / "ab").read_text() == f"{NONCE} {ACTION}\n"


def test_a_nonce_is_used_once_by_many_threads(state: GateState) -> None:
    results: list[str] = []
    barrier = threading.Barrier(8)

    def use() -> None:
        barrier.wait()
        try:
            state.use_nonce(NONCE, ACTION)
            results.append("used")
        except NonceUsed:
            results.append("refused")

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["refused"] * 7 + ["used"]


def test_a_nonce_is_used_once_by_many_processes(state: GateState) -> None:
    program = (
        "import sys; from exequatur.state import GateState\n"
        "from exequatur import NonceUsed\n"
        "try: GateState(sys.argv[1]).use_nonce(sys.argv[2], sys.argv[3])\n"
        "except NonceUsed: sys.exit(9)\n"
    )
    source = Path(__file__).parents[1] / "src"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(state.directory), NONCE, ACTION],
            env={**os.environ, "PYTHONPATH": str(source)},
        )
        for _ in range(3)
    ]
    assert sorted(child.wait() for child in children) == [0, 9, 9]


def test_the_record_is_on_the_disk_before_anything_runs(
    state: GateState, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc here")
    monkeypatch.setattr(os, "fsync", fsync)
    state.use_nonce(NONCE, ACTION)
    assert synced == [str(state.directory / "nonces" / "ab"), str(state.directory / "nonces")]

    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StateError, match="cannot be recorded: input/output error"):
        state.use_nonce("abcd" * 16, ACTION)


@pytest.mark.parametrize(
    "content",
    [
        b"junk\n",
        b"\n",
        f"{NONCE}\n".encode(),
        f"{NONCE[:-1]} {ACTION}\n".encode(),
        f"{NONCE.upper()} {ACTION}\n".encode(),
        f"{'ab' * 31}ac {ACTION}\n\xff\n".encode("latin-1"),
        b"\0" * 100,
    ],
)
def test_a_tampered_record_of_nonces_is_noticed(content: bytes, state: GateState) -> None:
    (state.directory / "nonces" / "ab").write_bytes(content)
    with pytest.raises(StateError, match="damaged"):
        state.use_nonce(NONCE, ACTION)


def test_what_a_crash_cut_short_does_not_stop_the_gate(state: GateState) -> None:
    path = state.directory / "nonces" / "ab"
    path.write_text(f"{'ab' * 31}00 {ACTION}\nabab")
    state.use_nonce(NONCE, ACTION)
    assert path.read_text() == f"{'ab' * 31}00 {ACTION}\nabab~\n{NONCE} {ACTION}\n"
    with pytest.raises(NonceUsed):
        state.use_nonce(NONCE, ACTION)
    # A whole nonce whose line was cut counts as used.
    other = "abcd" * 16
    path.write_text(f"{other} act_")
    with pytest.raises(NonceUsed):
        state.use_nonce(other, ACTION)


def test_links_and_other_files_in_its_place_are_refused(state: GateState, tmp_path: Path) -> None:
    path = state.directory / "nonces" / "ab"
    (tmp_path / "elsewhere").write_text("")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateError):
        state.use_nonce(NONCE, ACTION)
    path.unlink()
    path.mkdir()
    with pytest.raises(StateError):
        state.use_nonce(NONCE, ACTION)


def test_a_directory_that_others_can_write_to_is_refused(state: GateState) -> None:
    for path in (state.directory / "nonces", state.directory / "pins", state.directory):
        path.chmod(0o770)
        with pytest.raises(StateError, match="somebody else can write"):
            GateState(state.directory)
        path.chmod(0o700)
    GateState(state.directory)


def test_the_directory_must_be_there_and_absolute(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="absolute"):
        GateState("relative")
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be made"):
        GateState(tmp_path / "file" / "state")


def test_where_it_is_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/a")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert default_directory() == "/home/a/.local/state/exequatur"
    monkeypatch.setenv("XDG_STATE_HOME", "/x")
    assert default_directory() == "/x/exequatur"
    monkeypatch.setenv("EXEQUATUR_STATE_DIR", "/y")
    assert default_directory() == "/y"


def test_the_digest_key_is_made_once(state: GateState) -> None:
    key = state.digest_key()
    assert len(key) == 32 and GateState(state.directory).digest_key() == key
    (state.directory / "digest.key").write_bytes(b"short")
    with pytest.raises(StateError, match="damaged"):
        state.digest_key()


def test_reports_are_kept_and_dropped(state: GateState) -> None:
    state.keep_report(b"{}", ACTION)
    state.keep_report(b"{}", "../../outside")
    (state.directory / "reports" / "not-an-action").write_bytes(b"{}")
    assert state.kept_reports() == [(ACTION, b"{}")]
    state.drop_report(ACTION)
    state.drop_report("../digest.key")
    assert state.kept_reports() == []


# MARK: settings


def test_tokens_are_read_strictly_and_never_shown(service: Service) -> None:
    token = Token.parse(f" {service.agent}\n", kind="a", where="test")
    secret = service.agent.rsplit("_", 1)[1]
    assert secret not in repr(token) and secret not in str(token)
    assert contains_token(f"x{service.agent}y") and not contains_token("exq1_a_short_")
    for text in ("", "exq1_a_", service.agent + " x", service.agent.upper(), "x" * 600):
        with pytest.raises(ConfigurationError, match="not a token"):
            Token.parse(text, kind="a", where="test")


def test_settings_are_checked(service: Service, tmp_path: Path) -> None:
    def make(**options: object) -> Gate:
        settings = {"url": service.url, "token": service.agent, "state_dir": tmp_path / "state"}
        return Gate(**{**settings, **options})  # type: ignore[arg-type]

    cases: list[tuple[dict[str, object], str]] = [
        ({"token": None}, "no token"),
        ({"token": service.reviewer}, "a person's token, not an agent's"),
        ({"token": service.gate}, "a gate's token, not an agent's"),
        ({"gate_token": service.agent}, "an agent's token, not a gate's"),
        ({"gate_token": f"exq1_g_{'0' * 32}_{'x' * 60}"}, "different logs"),
        ({"url": "ftp://x"}, "not a server address"),
        ({"url": "localhost:8420"}, "not a server address"),
        ({"url": "http://user:x@localhost"}, "more than scheme"),
        ({"url": "http://localhost/?token=x"}, "more than scheme"),
        ({"url": "http://example.org"}, "unencrypted to `example.org`"),
        ({"url": "http://127.0.0.1.example.org"}, "unencrypted"),
        ({"wait": "soon"}, "not a length of time"),
        ({"wait": -1}, "not a length of time"),
        ({"wait": True}, "not a length of time"),
    ]
    for options, message in cases:
        with pytest.raises(ConfigurationError, match=message):
            make(**options)
    make(url="http://example.org", insecure=True)
    make(url="https://example.org/exequatur/")
    make(wait="90s")


def test_the_environment_is_read(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXEQUATUR_URL", service.url)
    monkeypatch.setenv("EXEQUATUR_TOKEN", service.agent)
    monkeypatch.setenv("EXEQUATUR_GATE_TOKEN", service.gate)
    monkeypatch.setenv("EXEQUATUR_STATE_DIR", str(tmp_path / "environment"))
    with Gate() as gate:
        with gate.action("db.read", resource=("Database", "crm"), input={"table": "t"}) as found:
            assert not found.is_advisory
    assert (tmp_path / "environment" / "nonces").is_dir()


def test_a_revoked_token_is_refused(service: Service, tmp_path: Path) -> None:
    from exequatur import Refused

    head, _, tail = service.agent.rpartition("_")
    other = head + "_" + tail[:-2] + ("AA" if tail[-2:] != "AA" else "BB")
    gate = Gate(url=service.url, token=other, state_dir=tmp_path / "state")
    with pytest.raises(Refused) as caught:
        with gate.action("db.read", resource=("Database", "crm"), input={"table": "t"}):
            raise AssertionError("ran")
    assert tail[:10] not in str(caught.value) and caught.value.code
