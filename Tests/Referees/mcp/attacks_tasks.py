# SPDX-License-Identifier: Apache-2.0
"""Attacks by name: waiting as a task, in the modern era.

Each asserts on what the upstream really received. See arena.py for what they run on.
"""
import json

import raw
from harness import brief, equal, require, until
from raw import MODERN, call, request


# MARK: tasks

TASKS = {"extensions": {"io.modelcontextprotocol/tasks": {}}}


def with_tasks(message):
    message["params"]["_meta"][raw.PREFIX + "clientCapabilities"] = TASKS
    return message


def task_of(client, arguments):
    found = client.ask(with_tasks(call(client.number(), "run_reviewed", arguments, MODERN)))
    result = found.get("result") or {}
    equal(result.get("resultType"), "task", f"resultType of {brief(found)}")
    equal(result.get("status"), "working", "status")
    for member in ("taskId", "createdAt", "ttlMs", "pollIntervalMs"):
        require(member in result, f"no {member} in {brief(result)}")
    return result["taskId"]


def task(client, method, identifier):
    return client.ask(with_tasks(request(
        client.number(), method, {"taskId": identifier}, MODERN)),
        **({"change": {"Mcp-Name": identifier}} if isinstance(client, raw.Web) else {}))


def attack_task_approved(arena):
    """Waits as a task; approved, it runs once however often somebody asks."""
    client = arena.client(MODERN)
    mark, arguments = arena.upstream.mark(), {"text": arena.unique()}
    identifier = task_of(client, arguments)
    arena.nothing_ran(mark, "a task that waits")
    equal((task(client, "tasks/get", identifier).get("result") or {}).get("status"), "working",
          "status while it waits")
    pending = [a for a in arena.real.actions(state="pending")
               if arena.real.show(a["id"])["operation"]["input"] == arguments]
    equal(len(pending), 1, "pending actions of the task")
    arena.real.approve(pending[0]["id"])

    def done():
        found = task(client, "tasks/get", identifier).get("result") or {}
        return found if found.get("status") != "working" else None
    found = until(done, "the task ends", 15, 0.2)
    equal(found.get("status"), "completed", f"status of {brief(found)}")
    result = found.get("result") or {}
    require("ran run_reviewed" in json.dumps(result), f"no result in {brief(found)}")
    equal((result.get("_meta") or {}).get(raw.DISPOSITION), "approved-executed", "disposition")
    task(client, "tasks/get", identifier)
    equal(arena.upstream.quiet(mark), [("run_reviewed", arguments)], "executions")
    client.close()


def attack_task_of_somebody_else(arena):
    """Guessed ids and other agents get nothing, and cannot cancel."""
    client = arena.client(MODERN)
    identifier = task_of(client, {"text": arena.unique()})
    require(len(identifier) >= 16, f"an id that can be guessed: {identifier}")
    stranger = arena.client(MODERN, token=arena.real.agents["other-agent"])
    for method in ("tasks/get", "tasks/cancel"):
        found = task(stranger, method, identifier)
        require("error" in found, f"a stranger's {method}: {brief(found)}")
        guessed = identifier[:-1] + ("0" if identifier[-1] != "0" else "1")
        require("error" in task(client, method, guessed), f"{method} of a guessed id")
    if arena.http:
        equal((task(client, "tasks/get", identifier).get("result") or {}).get("status"),
              "working", "status after a stranger's cancel")
    stranger.close()
    client.close()


def attack_task_cancelled(arena):
    """Cancelled, it stays so: an approval afterwards runs nothing."""
    client = arena.client(MODERN)
    mark, arguments = arena.upstream.mark(), {"text": arena.unique()}
    identifier = task_of(client, arguments)
    found = task(client, "tasks/cancel", identifier)
    require("error" not in found, f"tasks/cancel: {brief(found)}")
    state = (task(client, "tasks/get", identifier).get("result") or {}).get("status")
    equal(state, "cancelled", "status after the cancellation")
    for found in arena.real.actions(state="pending"):
        require(arena.real.show(found["id"])["operation"]["input"] != arguments,
                "the action of a cancelled task still waits")
    arena.nothing_ran(mark, "a cancelled task")
    client.close()
