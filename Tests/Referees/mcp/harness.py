# SPDX-License-Identifier: Apache-2.0
"""Tests, processes and ports: what all parts of the referee share."""
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))


class Skip(Exception):
    """Why a test cannot run here."""


class Failure(Exception):
    """What was expected, and what came."""


def equal(found, expected, what):
    if found != expected:
        raise Failure(f"{what}: expected {brief(expected)}, got {brief(found)}")


def require(condition, what):
    if not condition:
        raise Failure(what)


def brief(value, limit=600):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


class Results:
    """Counts, and prints one line for each failure and skip (and each pass with `verbose`)."""

    def __init__(self, verbose=False):
        self.lock = threading.Lock()
        self.verbose = verbose
        self.passed, self.failed, self.skipped = 0, [], []

    def add(self, name, error=None):
        with self.lock:
            if error is None:
                self.passed += 1
                if self.verbose:
                    print(f"ok   {name}", flush=True)
            elif isinstance(error, Skip):
                self.skipped.append((name, str(error)))
                print(f"skip {name}: {error}", flush=True)
            else:
                self.failed.append((name, str(error)))
                print(f"FAIL {name}: {error}", flush=True)

    def run(self, name, function, *arguments):
        """Runs one test; whatever it raises is its result."""
        try:
            function(*arguments)
        except (Skip, Failure) as error:
            self.add(name, error)
        except Exception as error:  # a test that breaks has failed
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.add(name, Failure(
                f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:"
                f"{where.lineno})"))
        else:
            self.add(name)

    def closing(self):
        return (f"{self.passed} passed, {len(self.failed)} failed, "
                f"{len(self.skipped)} skipped")


def in_parallel(jobs, workers):
    """Runs callables, `workers` at a time, in order of the list."""
    waiting = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)

    def work():
        while True:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            job()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


_ports, _ports_lock = set(), threading.Lock()


def free_port():
    """A port that nobody listens on and that this run has not given out before."""
    with _ports_lock:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            if port not in _ports:
                _ports.add(port)
                return port


def wait_for_port(port, process=None, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process is not None and process.poll() is not None:
            raise Failure(f"`{process.args[0]}` ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Failure(f"nothing listens on port {port} after {seconds} s")


def until(condition, what, seconds=10, pause=0.05):
    """Waits for a condition and returns its value; fails with `what` when time is up."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"not within {seconds} s: {what}")
        time.sleep(pause)


class Processes:
    """Whatever was started, so that all of it ends with the run."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running = []

    def start(self, command, **more):
        process = subprocess.Popen(command, **more)
        with self.lock:
            self.running.append(process)
        return process

    @staticmethod
    def stop(process, seconds=5):
        if process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_all(self):
        with self.lock:
            running, self.running = self.running, []
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in running:
            self.stop(process)


def clean_environment(**more):
    """The environment of what is started: nothing of Exequatur that the caller may have set."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("EXEQUATUR")}
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    return {**kept, **more}


def python(venv):
    """The interpreter of a virtual environment that `--install` makes, or a skip."""
    path = os.path.join(ROOT, ".build", venv, "bin", "python")
    if not os.access(path, os.X_OK):
        raise Skip(f"no {os.path.relpath(path, ROOT)}: run scripts/mcp-referee --install")
    return path


def version_of(text):
    found = re.search(r"(\d+\.\d+(\.\d+)?)", text)
    return found.group(1) if found else text


def note(text):
    print(text, file=sys.stderr, flush=True)
