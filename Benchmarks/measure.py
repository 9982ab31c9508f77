# SPDX-License-Identifier: Apache-2.0
"""The measurements of run.sh, after the build."""
import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time


AGENTS = 250


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def fdatasync(folder, seconds):
    """Appends 4 KiB and waits for the disk, again and again: what one durable write costs here."""
    path = os.path.join(folder, "fdatasync")
    block = b"\x07" * 4096
    times = []
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            os.write(file, block)
            os.fdatasync(file)
            times.append(time.perf_counter() - began)
    finally:
        os.close(file)
        os.unlink(path)
    return {
        "perSecond": round(len(times) / sum(times)),
        "p50us": round(quantile(times, 0.5) * 1e6), "p99us": round(quantile(times, 0.99) * 1e6),
    }


def wait_until(port, path, process, limit=30):
    """Polls until the server answers; a refused connection and an unready answer both wait."""
    end = time.perf_counter() + limit
    while time.perf_counter() < end:
        if process.poll() is not None:
            sys.exit(f"a server ended with status {process.returncode}")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status in (200, 404):
                return
        except OSError:
            time.sleep(0.0005)
    sys.exit("a server was not ready in time")


@contextlib.contextmanager
def running(command, port, path, log):
    process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        wait_until(port, path, process)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


class Measurement:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.server = os.path.join(options.binaries, "exequatur")
        self.bench = os.path.join(options.binaries, "exequatur-bench")
        self.data = os.path.join(folder, "data")
        self.log = open(os.path.join(folder, "log"), "ab")
        self.port = free_port()

    def serve(self):
        command = [
            self.server, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}",
            "--submissions-per-second", "1000000"]
        return running(command, self.port, "/readyz", self.log)

    def administer(self, *words):
        result = subprocess.run(
            [self.server, *words, "--json", "--token-file", f"{self.data}/admin.token"],
            env={"EXEQUATUR_URL": f"http://127.0.0.1:{self.port}"}, capture_output=True, text=True,
            timeout=60)
        if result.returncode != 0:
            sys.exit(f"{' '.join(words)}: {result.stderr}")
        return json.loads(result.stdout)

    def tokens(self, name, tokens):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write("\n".join(tokens) + "\n")
        return path

    def set_up(self):
        reviewer = self.administer("person", "add", "bob", "--group", "reviewers", "--token")
        self.administer("person", "add", "alice")
        # Many agents, because the server limits how fast a single one may submit.
        agents = [
            self.administer("agent", "add", f"bench-{number}", "--owner", "alice")["token"]
            for number in range(AGENTS)
        ]
        return [
            "--agent-tokens", self.tokens("agents", agents),
            "--reviewer-token", self.tokens("reviewer", [reviewer["token"]]),
        ]

    def load(self, scenario, connections, *more, port=None):
        command = [
            self.bench, "http", scenario, "--port", str(port or self.port), "--connections",
            str(connections), "--seconds", str(self.options.seconds), "--json", *more,
        ]
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=self.options.seconds + 120)
        if result.returncode != 0:
            sys.exit(f"{scenario}: {result.stderr}")
        return json.loads(result.stdout)

    def starts(self):
        """From exec to the first answer of /readyz, with an existing data folder."""
        times = []
        for _ in range(5):
            began = time.perf_counter()
            with self.serve():
                times.append(time.perf_counter() - began)
        return statistics.median(times)

    def run(self):
        results = {"fdatasync": fdatasync(self.folder, 2)}
        port = free_port()
        command = [self.bench, "bare", "--port", str(port)]
        with running(command, port, "/", self.log):
            for count in (1, 64):
                results[f"bare.{count}"] = self.load("bare", count, port=port)["results"]["bare"]
        with self.serve():
            pass  # makes keys and database, which is not what the next line is about
        results["startSeconds"] = self.starts()
        with self.serve() as process:
            tokens = self.set_up()
            time.sleep(1)
            results["idleBytes"] = resident(process.pid)
            for count in (1, 64):
                found = self.load("allowed", count, *tokens)["results"]
                results[f"allowed.{count}"] = found["allowed"]
            for count in (1, 32, 64):
                found = self.load("cycle", count, *tokens)["results"]
                results[f"cycle.{count}"] = found["cycle"]
            found = self.load("release", 1000, *tokens, "--pid", str(process.pid))
            results["release.1000"] = found["results"]["release"]
            results["bytesPerWaiter"] = found["bytesPerWaiter"]
            results["loadedBytes"] = resident(process.pid)
            results["entries"] = self.administer("status")["treeSize"]
        results["restartSeconds"] = self.starts()
        results["binaryBytes"] = os.path.getsize(self.server)
        return results


def table(results):
    bare, disk = results["bare.64"]["perSecond"], results["fdatasync"]["perSecond"]

    def line(name, value, note=""):
        print(f"{name:<42}{value:>16}  {note}".rstrip())

    def load(name, key, note):
        found = results[key]
        times = f"p50 {found['p50us']} us, p99 {found['p99us']} us"
        line(name, f"{found['perSecond']}/s", f"{times}{note}")

    load("4 KiB + fdatasync, one after the other", "fdatasync", "")
    load("bare JSON route, 1 connection", "bare.1", "")
    load("bare JSON route, 64 connections", "bare.64", "")
    ratio = results["allowed.1"]["p50us"] / results["bare.1"]["p50us"]
    load("allowed + claimed, 1 connection", "allowed.1", f"  ({ratio:.1f} x bare)")
    rate = results["allowed.64"]["perSecond"]
    load(
        "allowed + claimed, 64 connections", "allowed.64",
        f"  ({rate / bare:.2f} x bare, {rate / disk:.1f} x the disk's rate)")
    load("submit, approve, claim, report, 1", "cycle.1", "")
    load("submit, approve, claim, report, 32", "cycle.32", "")
    load("submit, approve, claim, report, 64", "cycle.64", "")
    found = results["release.1000"]
    line(
        "decision sent to caller released, 1000 wait", f"{found['count']} times",
        f"p50 {found['p50us']} us, p99 {found['p99us']} us")
    line("memory, idle", f"{results['idleBytes'] / 1e6:.1f} MB")
    line("memory, after all of this", f"{results['loadedBytes'] / 1e6:.1f} MB")
    line("memory for each caller that waits", f"{results['bytesPerWaiter'] / 1e3:.1f} kB")
    line("start to ready, new ledger", f"{results['startSeconds'] * 1e3:.1f} ms")
    line(
        f"start to ready, {results['entries']} entries",
        f"{results['restartSeconds'] * 1e3:.1f} ms")
    line("binary", f"{results['binaryBytes'] / 1e6:.1f} MB")


def main():
    parser = argparse.ArgumentParser(description="Measures a built server.")
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="exequatur-bench-") as folder:
        results = Measurement(options, folder).run()
    if options.json:
        print(json.dumps(results, sort_keys=True))
    else:
        table(results)


if __name__ == "__main__":
    main()
