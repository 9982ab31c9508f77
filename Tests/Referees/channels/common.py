# SPDX-License-Identifier: Apache-2.0
"""What is shared with the referee of the MCP gateway, and what all parts here need besides."""
import base64
import hashlib
import json
import os
import sys
import time

_SHARED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "mcp")
if _SHARED not in sys.path:
    sys.path.append(_SHARED)

from harness import (  # noqa: E402
    ROOT, Failure, Processes, Results, Skip, brief, clean_environment, equal, free_port,
    in_parallel, require, until, wait_for_port)

__all__ = ["ROOT", "Failure", "Processes", "Results", "Skip", "brief", "clean_environment",
           "equal", "free_port", "in_parallel", "require", "until", "wait_for_port",
           "VENV", "LABEL", "corpora", "functions", "never", "raises", "b64", "sha256", "texts"]

VENV = "channels-venv"
LABEL = "Emulators on loopback; not run against the vendors."


def corpora(*path):
    """A file of the published samples and schemas, or a skip."""
    folder = os.environ.get("EXEQUATUR_CORPORA") or os.path.join(
        os.path.dirname(ROOT), "shared", "corpora")
    found = os.path.join(folder, *path)
    if not os.path.exists(found):
        raise Skip(f"no {os.path.join(*path)} among the corpora: set EXEQUATUR_CORPORA")
    return found


def functions(module, prefix):
    """The tests of a module in the order in which they are written."""
    found = [(name.removeprefix(prefix), function) for name, function in vars(module).items()
             if name.startswith(prefix) and callable(function)
             and function.__module__ == module.__name__]
    return sorted(found, key=lambda pair: pair[1].__code__.co_firstlineno)


def never(condition, what, seconds=0.7, pause=0.05):
    """Looks for a while, and fails with `what` as soon as the condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            raise Failure(f"{what}: {brief(found)}")
        time.sleep(pause)


def raises(kind, function, *arguments, **more):
    """The exception of a call that must raise."""
    try:
        found = function(*arguments, **more)
    except kind as error:
        return error
    raise Failure(f"expected {getattr(kind, '__name__', kind)}, got {brief(found)}")


def b64(data):
    """URL-safe base64 without padding, as tokens use it."""
    if isinstance(data, dict):
        data = json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def texts(value):
    """Every string anywhere in a value: what somebody who reads a card may see."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return []
