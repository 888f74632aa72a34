"""A command as a process of this machine, ended with all that it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mlproject.azure.resources.jobs import CANCELLED, COMPLETED
from mlproject.base.console import Reporter

LOG = "user_logs/std_log.txt"
_SECONDS_TO_END = 30
_LAST_LINES = 10
_KILLED = 128


@dataclass(frozen=True)
class Ended:
    """How a process has ended, and why it was ended, where it was."""

    exit_code: int
    cancelled: str | None = None

    @property
    def status(self) -> str:
        if self.cancelled is not None:
            return CANCELLED
        return "Failed" if self.exit_code else COMPLETED

    @property
    def run_status(self) -> str:
        return {COMPLETED: "FINISHED", CANCELLED: "KILLED"}.get(self.status, "FAILED")


class Process:
    """A command in a folder, whose output is shown, kept, and remembered in part."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)

    def ended(self, command: str, most: int | None, reporter: Reporter) -> Ended:
        log = self._folder / LOG
        log.parent.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(
            ["bash", "-c", command],  # noqa: S607 - as the service runs a command
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        cancelled: list[str] = []

        def cut() -> None:
            cancelled.append(f"it has run for longer than {most} s")
            _end(process, signal.SIGTERM)

        with _after(most, cut), log.open("w", encoding="utf-8") as kept:
            try:
                self._pass_on(process, kept, reporter)
            except KeyboardInterrupt:
                cancelled.append("it was interrupted")
                _end(process, signal.SIGINT)
                self._pass_on(process, kept, reporter)
        returned = process.wait()
        exit_code = _KILLED - returned if returned < 0 else returned
        return Ended(exit_code, cancelled[0] if cancelled else None)

    def _pass_on(self, process: subprocess.Popen[str], kept: IO[str], reporter: Reporter) -> None:
        assert process.stdout is not None  # noqa: S101 - a pipe, as it was asked for
        for text in process.stdout:
            kept.write(text)
            reporter.say(text.rstrip("\n"))
            if text.strip():
                self.last_lines.append(text.strip())
        process.wait()


@contextmanager
def _after(seconds: int | None, work: Callable[[], None]) -> Iterator[None]:
    """Call a function once some seconds of the block have passed."""
    timer = threading.Timer(seconds or 0, work)
    if seconds is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(process: subprocess.Popen[str], number: int) -> None:
    """Ask a process and what it has started to end; after a while they are made to."""

    def kill() -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)

    with suppress(OSError):
        os.killpg(process.pid, number)
    timer = threading.Timer(_SECONDS_TO_END, kill)
    timer.daemon = True
    timer.start()
