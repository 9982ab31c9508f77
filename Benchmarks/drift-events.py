# SPDX-License-Identifier: Apache-2.0
"""From a change of a file to the deviation at the server: how long it takes. See drift.sh.

A server with its embedded SQLite, an observer that watches one folder, and a person who asks the
server every few milliseconds. The sweep is an hour away, so what is found was heard of by inotify.
Each change is put back, and the next one waits until nothing deviates.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

from measure import free_port, quantile, running

SOURCE = "bench"
EVERY_SECONDS = 3600
POLL_SECONDS = 0.002
PATIENCE_SECONDS = 30


class Stage:
    """A server, an observer with its own credential, and a folder with an approved baseline."""

    def __init__(self, binary, top, files):
        self.binary, self.top, self.files = binary, top, files
        self.folder = os.path.realpath(top / "watched")
        self.port = free_port()
        self.log = open(top / "log", "ab")
        self.environment = {
            "EXEQUATUR_URL": f"http://127.0.0.1:{self.port}", "HOME": str(top),
            "EXEQUATUR_STATE_DIR": str(top / "state"), "PATH": os.environ["PATH"],
        }

    def serve(self):
        command = [self.binary, "serve", "--data", str(self.top / "data"), "--listen",
                   f"127.0.0.1:{self.port}"]
        return running(command, self.port, "/readyz", self.log)

    def administer(self, *words):
        result = subprocess.run(
            [self.binary, *words, "--json", "--token-file", str(self.top / "data/admin.token")],
            env=self.environment, capture_output=True, text=True, timeout=60)
        if result.returncode != 0:
            sys.exit(f"{' '.join(words)}: {result.stderr}")
        return json.loads(result.stdout)

    def set_up(self):
        os.makedirs(self.folder)
        for number in range(self.files):
            (pathlib.Path(self.folder) / f"{number:05}").write_bytes(os.urandom(4096))
        self.changed = os.path.join(self.folder, f"{self.files // 2:05}")
        self.original = pathlib.Path(self.changed).read_bytes()
        gate = self.administer("gate", "add", "observer")["token"]
        self.environment["EXEQUATUR_GATE_TOKEN"] = gate
        source = self.top / "source.json"
        source.write_text(json.dumps({
            "class": "high", "every": EVERY_SECONDS, "id": SOURCE, "kind": "files",
            "observer": "observer", "scope": "here", "settings": {"paths": [self.folder]}}))
        self.administer("drift", "source", "set", str(source))
        subprocess.run([self.binary, "drift", "observe", SOURCE, "--once"], check=True,
                       env=self.environment, stdout=self.log, stderr=self.log)
        root = self.administer("drift", "show", SOURCE)["baseline"]["proposed"]["root"]
        self.administer("drift", "accept", SOURCE, "--expect", root)
        self.token = (self.top / "data/admin.token").read_text().strip()
        self.observer = subprocess.Popen(
            [self.binary, "drift", "observe", SOURCE], env=self.environment, stdout=self.log,
            stderr=self.log)
        # Its first look is not an event.
        time.sleep(3)

    def until(self, is_open):
        """Seconds until the server says that something is open, or nothing is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        began = time.perf_counter()
        while time.perf_counter() - began < PATIENCE_SECONDS:
            connection.request("GET", f"/v1/drift/deviations?source={SOURCE}",
                               headers={"Authorization": f"Bearer {self.token}"})
            answer = json.loads(connection.getresponse().read())
            if bool(answer) == is_open:
                connection.close()
                return time.perf_counter() - began
            time.sleep(POLL_SECONDS)
        sys.exit("drift-events.py: no event came; see the log")

    def change(self):
        # Another byte each time, so that no two deviations are the same.
        place = random.randrange(len(self.original))
        content = bytearray(self.original)
        content[place] ^= 1
        with open(self.changed, "r+b") as file:
            file.write(content)
        took = self.until(True)
        with open(self.changed, "r+b") as file:
            file.write(self.original)
        self.until(False)
        return took

    def end(self):
        self.observer.send_signal(signal.SIGTERM)
        self.observer.wait(20)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    binary = os.environ["EXEQUATUR_BIN"]
    with tempfile.TemporaryDirectory(prefix="exq-bench.") as top:
        stage = Stage(binary, pathlib.Path(top), arguments.files)
        with stage.serve():
            stage.set_up()
            times = []
            for _ in range(arguments.changes):
                times.append(stage.change())
                time.sleep(random.uniform(0.1, 0.5))
            stage.end()
    figures = {name: round(1000 * quantile(times, share), 1)
               for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))}
    met = figures["p95"] <= 1000
    if arguments.json:
        print(json.dumps({"files": arguments.files, "changes": len(times), "ms": figures,
                          "met": met}))
    else:
        print(f"From a change to its deviation, {len(times)} changes, {arguments.files} files: "
              + ", ".join(f"{name} {value} ms" for name, value in figures.items()))
        print(f"  {'met   ' if met else 'MISSED'}  within a second, 95 of 100")
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
