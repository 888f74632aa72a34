"""What serving costs: this project against the estimator itself, and against MLflow's own server.

    make bench-serving                  # about two minutes
    python benchmarks/serving.py --seconds 3

The servers are processes of their own, and so are the clients, which keep their connections. The
estimator is asked in a loop for the same rows, as a data frame of one row. All take turns, so that
a slow moment of the machine meets all. The processor's time is given as well: a server sleeps
between two requests, and on a busy machine waits for its turn after each, which the loop does not.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = 16
PORTS = {"ours": 5391, "mlflow": 5392}
MODELS = ("lasso", "forest")
_PATIENCE = 120
# Asks the estimator, row by row, for so many seconds.
ESTIMATOR = """
import json, sys, time, warnings, skops.io
import pandas as pd
warnings.simplefilter("ignore")
model, seconds = sys.argv[1], float(sys.argv[2])
file = model + "/model.skops"
estimator = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
rows = pd.read_csv("rows.csv")
frames = [rows.iloc[[number]] for number in range(len(rows))]
estimator.predict(frames[0])
times, end, number = [], time.perf_counter() + seconds, 0
while time.perf_counter() < end:
    started = time.perf_counter()
    estimator.predict(frames[number % len(frames)])
    times.append(time.perf_counter() - started)
    number += 1
started, rounds = time.process_time(), 300
for frame in frames[:rounds]:
    estimator.predict(frame)
cpu = (time.process_time() - started) / rounds
print(json.dumps({"times": times, "cpu": cpu}))
"""


def made(folder: Path) -> None:
    """Write two models, and rows to ask them for."""
    from sklearn.datasets import load_diabetes

    from models import two_models

    X, y = load_diabetes(as_frame=True, return_X_y=True)
    X.to_csv(folder / "rows.csv", index=False)
    two_models(folder, X, y)


def bodies(folder: Path) -> list[bytes]:
    """Return requests of one row, in a format that both servers take."""
    import pandas as pd

    rows = pd.read_csv(folder / "rows.csv")
    columns = list(rows.columns)
    return [
        json.dumps({"dataframe_split": {"columns": columns, "data": [row]}}).encode()
        for row in rows.to_numpy().tolist()
    ]


@dataclass
class Server:
    """One that runs."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Return the seconds that the processor has worked for it and its children."""
        first = psutil.Process(self.pid)
        times = [item.cpu_times() for item in (first, *first.children(recursive=True))]
        return sum(item.user + item.system for item in times)


@contextmanager
def server(folder: Path, way: str, model: str) -> Iterator[Server]:
    """Run one of the servers for the block."""
    port = PORTS[way]
    command = {
        "ours": ["-m", "mlproject", "serve", model, "--port", str(port), "--quiet"],
        "mlflow": ["-m", "mlflow", "models", "serve", "-m", model, "-p", str(port)],
    }[way]
    command += ["--env-manager", "local"] if way == "mlflow" else []
    scripts = str(Path(sys.executable).parent)  # MLflow starts uvicorn by its name
    environment = os.environ | {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with (folder / f"{way}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for(port, process)
        yield Server(port, process.pid)
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server at {port} does not answer; see its log")


@dataclass
class Load:
    """Asks a server from several connections; a process of its own."""

    port: int
    seconds: float
    requests: list[bytes]
    times: list[float] = field(default_factory=list)

    def run(self, clients: int) -> list[float]:
        """Return how long each request took."""
        threads = [threading.Thread(target=self._client, args=(n,)) for n in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.times

    def _client(self, start: int) -> None:
        import socket

        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = connection.makefile("rb")
            number, end, times = start, time.perf_counter() + self.seconds, []
            while time.perf_counter() < end:
                body = self.requests[number % len(self.requests)]
                head = (
                    "POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                started = time.perf_counter()
                connection.sendall(head.encode() + body)
                _read(stream)
                times.append(time.perf_counter() - started)
                number += 1
            self.times += times


def _read(stream: Any) -> None:
    """Read one answer; http.client takes longer for it than a quick server."""
    status = stream.readline()
    assert b" 200 " in status, status + stream.read1()
    length = 0
    while (line := stream.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    stream.read(length)


def asked(folder: Path, port: int, clients: int, seconds: float) -> list[float]:
    """Return how long requests took, from a process of clients."""
    command = [sys.executable, __file__, "--load", str(port), "--clients", str(clients)]
    command += ["--seconds", str(seconds)]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True)
    times: list[float] = json.loads(done.stdout)
    return times


def estimator(folder: Path, model: str, seconds: float) -> dict[str, Any]:
    """Return how long the estimator takes for single rows, and what that costs the processor."""
    command = [sys.executable, "-c", ESTIMATOR, model, str(seconds)]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@dataclass
class Measured:
    """What a way took: each single request, requests a second of a crowd, the processor's time."""

    times: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    cpu_of_crowd: list[float] = field(default_factory=list)

    def ask(self, folder: Path, running: Server, seconds: float) -> None:
        before = running.cpu()
        times = asked(folder, running.port, 1, seconds)
        self.cpu.append((running.cpu() - before) / len(times))
        self.times += times

    def ask_in_a_crowd(self, folder: Path, running: Server, seconds: float) -> None:
        before = running.cpu()
        count = len(asked(folder, running.port, CLIENTS, seconds))
        self.cpu_of_crowd.append((running.cpu() - before) / count)
        self.rates.append(count / seconds)


def measure(folder: Path, model: str, seconds: float, rounds: int) -> None:
    """Measure one model, and print its lines of the table."""
    own, mine, theirs = Measured(), Measured(), Measured()
    with server(folder, "ours", model) as ours, server(folder, "mlflow", model) as mlflow:
        ways = [(mine, ours), (theirs, mlflow)]
        for _, running in ways:
            asked(folder, running.port, 1, 1)
        for _ in range(rounds):
            found = estimator(folder, model, seconds)
            own.times += found["times"]
            own.cpu.append(found["cpu"])
            for way, running in ways:
                way.ask(folder, running, seconds)
            for way, running in ways:
                way.ask_in_a_crowd(folder, running, seconds)
    one, crowd = f"{model}, one row at a time", f"{model}, {CLIENTS} clients"
    _slower(f"{one}: p50, against the estimator", own.times, mine.times, "at most 1.3")
    _slower(f"{one}: processor, against the estimator", own.cpu, mine.cpu, "")
    _slower(f"{one}: p50, against `mlflow models serve`", theirs.times, mine.times, "")
    rates = [median(way.rates) for way in (theirs, mine)]
    print(
        f"| {crowd}: against `mlflow models serve` | {rates[0]:,.0f} requests/s | "
        f"{rates[1]:,.0f} requests/s | {rates[1] / rates[0]:.1f}x its rate | at least 5x |"
    )
    _slower(
        f"{crowd}: processor a request, against `mlflow models serve`",
        theirs.cpu_of_crowd,
        mine.cpu_of_crowd,
        "",
    )


def _slower(what: str, peer: list[float], ours: list[float], goal: str) -> None:
    theirs, mine = 1000 * median(peer), 1000 * median(ours)
    print(
        f"| {what} | {theirs:.2f} ms | {mine:.2f} ms | {mine / theirs:.2f} of its time | {goal} |",
        flush=True,
    )


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--clients", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        load = Load(options.load, options.seconds, bodies(Path.cwd()))
        print(json.dumps(load.run(options.clients)))
        return
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        made(folder)
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
        print("| workload | peer | mlproject | measured | goal |")
        print("| --- | --- | --- | --- | --- |", flush=True)
        for model in MODELS:
            measure(folder, model, options.seconds, options.rounds)


if __name__ == "__main__":
    main()
