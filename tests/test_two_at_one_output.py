"""Two commands at one output: the second is told who holds it, and touches nothing."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell
from tests.obedient_model import PARTS, Obedient, obedient

OUTPUTS = pytest.mark.parametrize("output", ["out.csv", "parts/"])


@pytest.fixture
def scoring(shell: Shell) -> Obedient:
    return obedient(shell)


@contextmanager
def running(scoring: Obedient, output: str, *options: str) -> Iterator[Any]:
    """A command that has committed some parts, and waits within the others."""
    scoring.hold(3000)
    arguments = [*scoring.options, "--jobs", "1", "--output", output, *options]
    process = scoring.shell.start("-m", "inference", *arguments)
    try:
        until(lambda: len(scoring.committed(output)) >= 5, process)
        until(lambda: max(asked(scoring)) >= 3000, process)
        yield process
    finally:
        (scoring.folder / "hold").unlink(missing_ok=True)
        if process.poll() is None:
            process.wait()


def asked(scoring: Obedient) -> list[int]:
    return [int(line) for line in (scoring.folder / "asked").read_text().split()]


def until(true: Callable[[], bool], process: Any) -> None:
    while not true():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@OUTPUTS
@pytest.mark.parametrize("before", ["nothing", "a finished output"])
def test_a_second_command_is_refused_and_the_first_ends_as_if_alone(
    scoring: Obedient, output: str, before: str
) -> None:
    options = [*scoring.options, "--output", output]
    assert scoring.shell.score(*options).code == 0
    meant = scoring.content(output)
    if before == "nothing":
        for name in meant:
            (scoring.folder / name).unlink()
    scoring.asked()
    with running(scoring, output, "--overwrite") as process:
        held = scoring.content(output)
        for more in ([], ["--resume"], ["--overwrite"], ["--resume", "--overwrite"]):
            if before != "nothing" and not more and not output.endswith("/"):
                continue  # what is there is refused before anything else
            second = scoring.shell.score(*options, *more)

            assert second.code == 2, second.err
            assert re.search(
                rf"{output} is being written by process \d+ on host {socket.gethostname()} "
                rf"since \d{{4}}-\S+\. Wait for it",
                second.error,
            ), second.error
            assert scoring.content(output) == held
        scoring.go_on()
        assert process.wait() == 0
    assert scoring.content(output) == meant
    rows = scoring.asked()
    assert len(rows) == len(set(rows))


@OUTPUTS
def test_parts_that_were_changed_or_cut_are_made_again_and_no_others(
    scoring: Obedient, output: str
) -> None:
    options = [*scoring.options, "--output", output]
    assert scoring.shell.score(*options).code == 0
    meant = scoring.content(output)
    for name in meant:
        (scoring.folder / name).unlink()
    with running(scoring, output) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    first, second = parts(scoring, output)[:2]
    change(first)
    second.write_bytes(second.read_bytes()[:-10])
    whole = len(scoring.committed(output)) - 2
    scoring.asked()

    done = scoring.shell.score(*options, "--resume")

    assert done.code == 0, done.err
    assert scoring.content(output) == meant
    assert len(scoring.asked()) == PARTS - whole


def test_a_part_that_is_changed_before_it_is_joined_is_noticed(scoring: Obedient) -> None:
    with running(scoring, "out.csv") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (scoring.work_of("out.csv") / "part-00000.json").unlink()
    scoring.asked()
    scoring.hold(0)  # the part that all others have to wait for
    options = [*scoring.options, "--output", "out.csv", "--resume"]
    process = scoring.shell.start("-m", "inference", *options)
    until(lambda: (scoring.folder / "asked").exists(), process)
    change(parts(scoring, "out.csv")[1])
    scoring.go_on()

    assert process.wait() == 3
    assert "was changed after it was written" in process.communicate()[1]
    assert not (scoring.folder / "out.csv").exists()


def parts(scoring: Obedient, output: str) -> list[Path]:
    work = scoring.folder / (output if output.endswith("/") else f".{output}.scoring")
    return sorted(path for path in work.glob("part-*") if path.suffix != ".json")


def change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_a_file_of_rejects_is_held_too(scoring: Obedient) -> None:
    more = ["--on-error", "reject", "--rejects", "rejects.csv"]
    with running(scoring, "out.csv", *more) as process:
        second = scoring.shell.score(*scoring.options, *more, "--output", "other.csv")

        assert (second.code, "rejects.csv is being written by process" in second.error) == (2, True)
        scoring.go_on()
        assert process.wait() == 0
    names = [path.name for path in scoring.folder.iterdir()]
    assert not [name for name in names if "other.csv" in name or name.endswith(".held")]


@OUTPUTS
def test_resuming_with_other_options_names_the_option(scoring: Obedient, output: str) -> None:
    with running(scoring, output) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    options = [*scoring.options, "--output", output, "--resume"]
    kept = (["--keep", "none"], "was begun with --keep all")
    for more, what in (kept, (["--encoding", "cp1252"], "was begun without --encoding")):
        begun = scoring.shell.score(*options, *more)
        assert begun.code == 2, begun.err
        assert f"The interrupted run of {output} {what}" in begun.error
        assert "Give the same, or start over with --overwrite" in begun.error
    assert scoring.shell.score(*options).code == 0

    finished = scoring.shell.score(*options, *kept[0])
    assert finished.code == 2, finished.err
    assert f"{output} is complete, and {kept[1]}" in finished.error
    rejecting = scoring.shell.score(*options, "--on-error", "reject", "--json")
    assert (rejecting.code, rejecting.json["rows_resumed"]) == (0, rejecting.json["rows_in"])
