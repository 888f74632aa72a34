"""A command that is run to its end, with the signals that come meanwhile, as a shell does it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from mlproject.base.errors import ConfigurationError

_KILLED = 128


def exit_code(
    words: Sequence[str], environment: Mapping[str, str], stdout: int | None = None
) -> int:
    """Run a command, and return its exit code: 128 and the signal's number where one ended it.

    ``stdout`` is the descriptor of its standard output; None for this process's own.

    Raises
    ------
    ConfigurationError
        When it cannot be run.
    """
    started: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def came(signum: int, frame: FrameType | None) -> None:
        if not started:
            early.append(signum)
        elif signum != signal.SIGINT or not _in_the_foreground():
            started[0].send_signal(signum)

    with _handled(came):
        try:
            started.append(subprocess.Popen(words, env=environment, stdout=stdout))
        except OSError as error:
            raise ConfigurationError(f"'{words[0]}' cannot be run: {error.strerror}") from error
        for signum in early:
            started[0].send_signal(signum)
        code = started[0].wait()
    return _KILLED - code if code < 0 else code


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Install a handler for Ctrl-C and SIGTERM, unless they are ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    taken = {n: old for n, old in before.items() if old is not signal.SIG_IGN}
    try:
        for number in taken:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in taken.items():
            signal.signal(number, old)


def _in_the_foreground() -> bool:
    """Whether a terminal sends Ctrl-C to this process, and so to the command as well."""
    if not hasattr(os, "tcgetpgrp"):  # Windows has consoles, where it is always so
        return True
    try:
        with Path("/dev/tty").open("rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
