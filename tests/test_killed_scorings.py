"""Scorings that are killed, workers and all: what is committed stays, and the rest is made once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import pytest

from tests.conftest import Finished, Shell
from tests.obedient_model import PARTS, ROWS, Obedient, obedient

OUTPUTS = ["out.csv", "out.parquet", "parts/"]
NEEDS_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
ENGINES = ["local", "dask", pytest.param("spark", marks=NEEDS_JAVA)]


@pytest.fixture(scope="module")
def scoring(own_shell: Callable[[], Shell]) -> Obedient:
    """A model and an input, and what a run that nobody disturbs makes of them."""
    made = obedient(own_shell())
    for output in OUTPUTS:
        assert made.shell.score(*made.options, "--output", f"whole-{output}").code == 0
    made.asked()
    return made


@contextmanager
def started(scoring: Obedient, output: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command as the leader of a session, so that its workers can be killed with it."""
    command = [sys.executable, "-m", "inference", *scoring.options, "--output", output, *options]
    with subprocess.Popen(
        command,
        cwd=scoring.folder,
        env=scoring.shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            kill_all(process)


def kill_all(process: subprocess.Popen[str]) -> None:
    """Kill a session: Spark's workers are in groups of their own."""
    for number in psutil.pids():
        with suppress(ProcessLookupError):
            if os.getsid(number) == process.pid:
                os.kill(number, signal.SIGKILL)


def wait_for(scoring: Obedient, output: str, parts: int, process: Any) -> None:
    while len(scoring.committed(output)) < parts and process.poll() is None:
        time.sleep(0.005)


def is_whole(scoring: Obedient, output: str) -> bool:
    """Whether an output is what an undisturbed run makes, and nothing else was left."""
    found, meant = scoring.content(output), scoring.content(f"whole-{output}")
    names = {name: name.replace("whole-", "") for name in meant}
    text = {n: data.replace(b"whole-", b"") for n, data in meant.items()}
    own = {name: data for name, data in found.items() if not name.startswith("whole-")}
    return own == {names[name]: data for name, data in text.items()}


def resumed(scoring: Obedient, output: str, engine: str) -> Finished:
    options = ["--output", output, "--resume", "--json", "--engine", engine]
    done = scoring.shell.score(*scoring.options, *options)
    assert done.code == 0, done.err
    return done


def is_published(scoring: Obedient, output: str) -> bool:
    """Whether an output is there; what was beside it may still be being removed."""
    if output.endswith("/"):
        return (scoring.folder / output / "_manifest.json").exists()
    return (scoring.folder / output).exists()


def forget(scoring: Obedient, output: str) -> None:
    path = scoring.folder / output
    shutil.rmtree(path) if output.endswith("/") else path.unlink()
    path.with_name(f"{path.name}.manifest.json").unlink(missing_ok=True)


def killed_and_resumed(scoring: Obedient, engine: str, output: str, moments: random.Random) -> None:
    """Kill all processes of a run at some moment, and finish it here."""
    with started(scoring, output, "--engine", engine, "--jobs", "2") as process:
        wait_for(scoring, output, moments.randint(0, PARTS), process)
        time.sleep(moments.uniform(0, 0.05))
        if moments.random() < 0.5:
            process.kill()  # the others find out
        else:
            kill_all(process)
        process.wait()
        kill_all(process)
    kept = len(scoring.committed(output))
    is_there = is_published(scoring, output)
    scoring.asked()

    done = resumed(scoring, output, "local")

    assert is_whole(scoring, output)
    assert done.json["rows_out"] == ROWS
    assert len(scoring.asked()) == (0 if is_there else PARTS - kept)
    forget(scoring, output)


@pytest.mark.parametrize("engine", ["local", "dask"])
def test_a_run_killed_at_any_moment_is_finished_byte_for_byte(
    scoring: Obedient, engine: str
) -> None:
    moments = random.Random(3)  # noqa: S311 - no secret
    for output in OUTPUTS if engine == "local" else OUTPUTS[2:]:
        killed_and_resumed(scoring, engine, output, moments)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("engine", ENGINES)
def test_runs_killed_at_many_moments_are_finished_byte_for_byte(
    scoring: Obedient, engine: str
) -> None:
    moments = random.Random()  # noqa: S311 - no secret
    for number in range(60):
        killed_and_resumed(scoring, engine, OUTPUTS[number % 3], moments)


@pytest.mark.parametrize(
    ("engine", "workers"),
    [
        ("dask", "1"),  # with which all that was sent is lost
        pytest.param("dask", "2", marks=pytest.mark.nightly),
        pytest.param("spark", "2", marks=[pytest.mark.nightly, NEEDS_JAVA]),
    ],
)
def test_a_worker_that_is_killed_at_each_attempt_is_one_line_and_the_other_parts_stay(
    scoring: Obedient, engine: str, workers: str
) -> None:
    rows = scoring.rows_of_parts()
    (scoring.folder / "kill").write_text(str(rows[7]))
    output = f"killed-{engine}-{workers}/"
    try:
        with started(scoring, output, "--engine", engine, "--jobs", workers) as process:
            _, said = process.communicate()
    finally:
        (scoring.folder / "kill").unlink()
    errors = [line for line in said.splitlines() if line.startswith("Error: ")]

    assert process.returncode == 2, said
    assert len(errors) == 1, said
    assert "killed" in errors[0] or "exited unexpectedly" in errors[0]
    assert "Traceback" not in said
    kept = len(scoring.committed(output))
    if "none came back" in errors[0]:  # Dask does not restart who is killed while it starts
        assert kept >= 7
    else:
        assert f"in.csv from line {rows[7] + 2}: " in errors[0]
        assert kept == PARTS - 1 if engine == "dask" else kept >= 1
    scoring.asked()
    resumed(scoring, output, "local")
    assert len(scoring.asked()) == PARTS - kept


def test_a_run_that_is_killed_before_it_tidies_up_knows_its_parts_again(scoring: Obedient) -> None:
    output = "tidy/"
    assert scoring.shell.score(*scoring.options, "--output", output).code == 0
    (scoring.folder / "untidy.py").write_text(
        "import os, sys\n"
        "from inference import existing\n"
        "from mlproject.cli.main import main\n"
        "existing.clear_folder = lambda *_: os._exit(9)\n"
        "main('score')\n"
    )
    options = [*scoring.options, "--output", output, "--part-size", "1MB"]
    killed = scoring.shell.python("untidy.py", *options, "--overwrite")
    assert killed.code == 9, killed.err
    assert len(list((scoring.folder / output).glob("part-*"))) == PARTS

    done = scoring.shell.score(*options, "--resume")

    assert done.code == 0, done.err
    assert len(list((scoring.folder / output).glob("part-*"))) == 1
    shutil.rmtree(scoring.folder / output)
