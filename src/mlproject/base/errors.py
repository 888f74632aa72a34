"""Every expected failure, and the exit code it ends with.

MlprojectError                  1  unexpected: a bug
├── ConfigurationError          2  an option, a recipe or a setting is wrong
├── DataError                   3  the data cannot be read or cannot be used for the task
├── TrackingError               4  the tracking server or the registry
├── ModelError                  5  nothing could be fitted, or the model cannot be stored or loaded
├── GateError                   6  the gate, or --max-drift, said no
└── JobError                    as the job's command ended; 4 where it did not come to that

A failure says what is wrong, where, and what to do next. The command line prints it as one line.
"""

from __future__ import annotations

import errno
from typing import Any

EXIT_DONE = 0
EXIT_UNEXPECTED = 1
EXIT_CONFIGURATION = 2
EXIT_DATA = 3
EXIT_TRACKING = 4
EXIT_MODEL = 5
EXIT_GATE = 6
EXIT_INTERRUPTED = 130

_PERMISSIONS = "Change its permissions, or name another place"
_ROOM = "Make room, or name another place"
_REMEDIES = {
    errno.EACCES: _PERMISSIONS,
    errno.EPERM: _PERMISSIONS,
    errno.EROFS: "Name another place",
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "Name another place, or allow larger files (ulimit -f)",
    errno.ENAMETOOLONG: "Give a shorter name",
    errno.ELOOP: "Name a file that its links lead to",
    errno.EMFILE: "Allow more open files (ulimit -n)",
}


class MlprojectError(Exception):
    """A failure that a user can act on.

    Parameters
    ----------
    what : str
        What is wrong, and where. One sentence without its full stop.
    hint : str, optional
        What to do next.

    Attributes
    ----------
    run_id : str or None
        The run that was open when it happened, if there was one.
    result : object or None
        What the call would have returned, where it was done and is not good enough.
    """

    exit_code = EXIT_UNEXPECTED

    def __init__(self, what: str, hint: str | None = None) -> None:
        self.what = one_line(what)
        self.hint = one_line(hint) if hint else None
        self.run_id: str | None = None
        self.result: Any = None
        super().__init__(f"{self.what}. {self.hint}" if self.hint else self.what)

    def __reduce__(self) -> Any:
        return type(self), (self.what, self.hint)


class ConfigurationError(MlprojectError):
    """An option, a recipe or a saved setting is wrong."""

    exit_code = EXIT_CONFIGURATION


class DataError(MlprojectError):
    """The data cannot be found, cannot be read, or does not fit the task."""

    exit_code = EXIT_DATA


class TrackingError(MlprojectError):
    """The tracking server or the registry is not there, refuses, or has lost something."""

    exit_code = EXIT_TRACKING


class ModelError(MlprojectError):
    """No candidate could be fitted, or the model cannot be stored or loaded."""

    exit_code = EXIT_MODEL


class GateError(MlprojectError):
    """A challenger is not good enough, or cannot be compared fairly; or scored rows have drifted.

    The alias has not moved; the outputs of a scoring are complete.
    """

    exit_code = EXIT_GATE


class JobError(MlprojectError):
    """A job has failed, was cancelled, or is no longer followed."""

    def __init__(self, what: str, hint: str | None = None, exit_code: int = EXIT_TRACKING) -> None:
        super().__init__(what, hint)
        self.exit_code = exit_code

    def __reduce__(self) -> Any:
        return type(self), (self.what, self.hint, self.exit_code)


def remedy(error: OSError) -> str | None:
    """Return what a user can do about what the file system says; None where that is nothing."""
    return _REMEDIES.get(error.errno) if error.errno is not None else None


def of_files(error: OSError) -> str:
    """Return what the file system says, and of which file."""
    return f"{error.strerror}{f': {error.filename}' if error.filename else ''}"


def one_line(text: str) -> str:
    """Fold white space, so that a message taken from a library stays one line."""
    return " ".join(text.split()).rstrip(".")


def reason(error: BaseException) -> str:
    """Return what a foreign error says, in one line, with its type when it says nothing itself."""
    text = one_line(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
