# SPDX-License-Identifier: Apache-2.0
"""The guide's examples and the example program, as they are written."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from service import BINARY, ROOT, Service

GUIDE = ROOT / "docs" / "how-to" / "use-the-python-sdk.md"
EXAMPLE = ROOT / "examples" / "python-sdk"
SOURCE = Path(__file__).parents[1] / "src"
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Approver:
    """Bob, who approves what waits, but no export of 9,000 rows."""

    def __init__(self, service: Service):
        self.approved: list[str] = []
        self._service = service
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while not self._stop.wait(0.05):
            for action in self._service.actions("pending"):
                found = self._service.show(action["id"])["operation"]["input"]
                if found.get("rows") != 9000:
                    self._service.decide(action)
                    self.approved.append(action["id"])

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Service]:
    # The guide adds its own people and gate.
    found = Service(tmp_path, owner="olga", gate="main")
    yield found
    found.stop()


def is_there(*modules: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in modules)


def openai_model() -> Any:
    from agents import set_tracing_disabled
    from agents.testing import ScriptedModel, assistant_message, function_call

    set_tracing_disabled(True)
    call = function_call("export_tool", {"table": "customers", "rows": 800}, call_id="c1")
    return ScriptedModel([[call], [assistant_message("done")]])


def langchain_parts(export: Any) -> dict[str, Any]:
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.tools import tool

    class Scripted(GenericFakeChatModel):
        def bind_tools(self, tools: Any, **options: Any) -> Any:
            return self

    def export_rows(table: str, rows: int) -> str:
        """Exports a table."""
        return f"{export(table, rows)} rows"

    call = {
        "name": "export_rows",
        "args": {"table": "orders", "rows": 700},
        "id": "c1",
        "type": "tool_call",
    }
    messages = [AIMessage("", tool_calls=[call]), AIMessage("done")]
    return {"chat_model": Scripted(messages=iter(messages)), "export_rows": tool(export_rows)}


def test_every_example_of_the_guide_runs(
    bare: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    service = bare
    text = GUIDE.read_text()
    blocks = BLOCK.findall(text)
    assert text.count("```") == 2 * len(blocks) and len(blocks) >= 9
    place = tmp_path / "guide"
    place.mkdir()
    shutil.copytree(ROOT / "policies" / "starter", place / "my-policies")
    (place / "bin").mkdir()
    (place / "bin" / "exequatur").symlink_to(BINARY)
    environment = {
        **service._environment((service.data / "admin.token").read_text().strip()),
        "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
    }
    tokens: dict[str, str] = {}
    exported: list[tuple[str, int]] = []

    def export(table: str, rows: int) -> int:
        exported.append((table, rows))
        return rows

    names: dict[str, Any] = {
        "export": export,
        "body": b'{"test": 2432232314}',
        "headers": {"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,AA=="},
    }
    approver = Approver(service)
    skipped: list[str] = []
    try:
        for language, options, code in blocks:
            if language == "sh":
                done = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", code],
                    cwd=place,
                    env=environment,
                    capture_output=True,
                    text=True,
                )
                assert done.returncode == 0, done.stdout + done.stderr
                for kind in re.findall(r"exq1_([ag])_\S+", done.stdout):
                    found = re.search(rf"exq1_{kind}_[\w-]+", done.stdout)
                    assert found is not None
                    tokens[kind] = found[0]
                continue
            assert language == "python"
            monkeypatch.setenv("EXEQUATUR_URL", service.url)
            monkeypatch.setenv("EXEQUATUR_TOKEN", tokens["a"])
            monkeypatch.setenv("EXEQUATUR_GATE_TOKEN", tokens["g"])
            monkeypatch.setenv("EXEQUATUR_STATE_DIR", str(tmp_path / "guide-state"))
            framework = options.strip()
            if framework == "openai-agents":
                if not is_there("agents"):
                    skipped.append(framework)
                    continue
                names["model"] = openai_model()
            elif framework == "langchain":
                if not is_there("langchain", "langgraph"):
                    skipped.append(framework)
                    continue
                names.update(langchain_parts(export))
            else:
                assert framework == ""
            exec(compile(code, str(GUIDE), "exec", dont_inherit=True), names)
    finally:
        approver.stop()
    expected = [("orders", 12), ("orders", 5000), ("orders", 7)]
    expected += [("customers", 800)] * ("openai-agents" not in skipped)
    expected += [("orders", 700)] * ("langchain" not in skipped)
    assert exported == expected
    printed = capsys.readouterr().out
    assert "come back later: http" in printed and "status 400" in printed
    assert len(approver.approved) == 1 + (len(expected) - 3)


def example(service: Service, tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    environment = {
        **service._environment(service.agent),
        "EXEQUATUR_GATE_TOKEN": service.gate,
        "EXEQUATUR_STATE_DIR": str(tmp_path / "state"),
        "PYTHONPATH": str(SOURCE),
    }
    return subprocess.Popen(
        [sys.executable, str(EXAMPLE / "export.py"), str(tmp_path / "customers.db"), *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_example_runs(bare: Service, tmp_path: Path) -> None:
    service = bare
    policies = tmp_path / "example-policies"
    shutil.copytree(ROOT / "policies" / "starter", policies)
    shutil.copytree(EXAMPLE / "policies", policies, dirs_exist_ok=True)
    admin = ("--token-file", str(service.data / "admin.token"))
    service.call("policy", "publish", str(policies), *admin)
    with sqlite3.connect(tmp_path / "customers.db") as connection:
        connection.execute("CREATE TABLE customers (name TEXT, email TEXT, plan TEXT)")
        connection.executemany(
            "INSERT INTO customers VALUES (?, ?, ?)",
            [(f"c{n}", f"c{n}@example.org", "free" if n < 20 else "team") for n in range(200)],
        )
    small = example(service, tmp_path, "--plan", "free", "--to", str(tmp_path / "free.csv"))
    out, err = small.communicate(timeout=60)
    assert small.returncode == 0, err
    assert len((tmp_path / "free.csv").read_text().splitlines()) == 21
    large = ("--plan", "team", "--to", str(tmp_path / "team.csv"))
    waiting = example(service, tmp_path, *large, "--wait", "0s")
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 75 and "still pending" in err, err
    assert not (tmp_path / "team.csv").exists()
    again = example(service, tmp_path, *large)
    assert again.stderr is not None and "waits for approval" in again.stderr.readline()
    assert not (tmp_path / "team.csv").exists()
    [action] = service.actions("pending")
    service.decide(action)
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0 and "is cleared" in err, err
    assert len((tmp_path / "team.csv").read_text().splitlines()) == 181
    denied = example(service, tmp_path, *large)
    service.decide(service.pending(), "deny")
    out, err = denied.communicate(timeout=60)
    assert denied.returncode == 77 and "bob denied: not today" in err


def test_the_readme_shows_what_the_guide_runs() -> None:
    """Its one example is the guide's, so that it is run as well."""
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    code = "".join(
        line[4:] or "\n" for line in readme.splitlines(keepends=True) if line[:4] == "    "
    )
    compile(code, "README.md", "exec")
    guide = GUIDE.read_text()
    for line in code.splitlines():
        line = line.split("  #")[0].strip()
        if line and not line.startswith("export("):
            assert line in guide, line


def test_no_document_names_what_is_not_there() -> None:
    import exequatur

    for path in (GUIDE, EXAMPLE / "README.md", Path(__file__).parents[1] / "README.md"):
        for name in re.findall(r"`([A-Z]\w+)`", path.read_text()):
            assert (
                hasattr(exequatur, name)
                or name in ("True", "False", "None", "RunState", "HumanInTheLoopMiddleware")
                or name.isupper()
                or name.startswith("EXEQUATUR_")
            ), f"{path.name}: {name}"
