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

from dataclasses import dataclass

from . import actions
from .actions import Operation
from .command_process import Child, Ended
from .command_request import CommandRequest
from .command_snapshot import Snapshot, compare
from .errors import NotExecuted
from .execution import Heartbeats, logger
from .protocol import Client
from .reports import Outcome
from .steps import Call, Steps

__all__ = ["CommandRequest", "CommandResult", "run"]


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


def run(
    client: Client, request: CommandRequest, reason: str | None, wait: float, *, capture: bool
) -> Steps[CommandResult]:
    """Asks for a command and runs it: freeze, ask, wait, claim, check, execute, report."""
    intent = actions.intent(reason, None)
    frozen: Snapshot = yield Call(lambda: Snapshot.take(request, client.state))
    operation = Operation.freeze(
        "command.run", actions.Resource("Host", request.host), frozen.input
    )
    yield from client.reports.send_kept()
    grant = yield from client.obtain(operation, intent, wait)
    try:
        current: Snapshot = yield Call(lambda: Snapshot.take(request, client.state))
        changed = compare(operation.input, current.input)
        grant.check_start()
    except NotExecuted as error:
        yield from client.reports.send(
            Outcome("not_started", str(error)), grant.action.id, grant.nonce
        )
        raise
    except BaseException:
        client.reports.give_back(grant.action.id, grant.nonce)
        raise
    heartbeats = Heartbeats(client.reports, grant.action.id)
    child = Child(request, current, grant.action.id, capture)
    try:
        ended: Ended = yield Call(child.run, child.terminate)
    except NotExecuted as error:
        yield from client.reports.send(
            Outcome("not_started", str(error)), grant.action.id, grant.nonce
        )
        raise
    except BaseException:
        child.terminate()
        outcome = Outcome("unknown", "the gate was interrupted while the command ran")
        yield from client.reports.send(outcome, grant.action.id, grant.nonce)
        raise
    finally:
        heartbeats.stop()
    words = "; ".join(changed) or None
    status = "succeeded" if ended.exit_code == 0 else "failed"
    problem = yield from client.reports.send(
        Outcome(status, words, ended.exit_code), grant.action.id, grant.nonce
    )
    if problem is not None:
        logger.warning("the outcome of %s is not reported: %s", grant.action.id, problem)
    return CommandResult(
        grant.action.id,
        ended.exit_code,
        ended.stdout,
        ended.stderr,
        ended.is_truncated,
        tuple(changed),
        problem,
    )
