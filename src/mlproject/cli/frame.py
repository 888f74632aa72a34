"""What all commands share: lazy loading, common options, one-line errors, exit codes, JSON."""

from __future__ import annotations

import atexit
import dataclasses
import gc
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from mlproject.base import errors
from mlproject.base.console import Reporter
from mlproject.base.finite import finite
from mlproject.base.interrupts import Interruptions, has_struck, terminated_as_interrupt
from mlproject.base.options import collected
from mlproject.base.redaction import redacted_text
from mlproject.base.suggestions import did_you_mean
from mlproject.base.visible import visible
from mlproject.cli import options

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
INTERRUPTED = "Interrupted"
interruptions = Interruptions(errors.EXIT_INTERRUPTED, f"Error: {INTERRUPTED}.")


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is called.

    Parameters
    ----------
    lazy : mapping of str to tuple of str
        Command name to ``("module:attribute", one-line help)``. The help stands here so that
        the group's own ``--help`` imports no command.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which they were declared."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of this name."""
        if args and args[0] not in self.lazy and not args[0].startswith("-"):
            hint = did_you_mean(args[0], self.lazy, noun="commands")
            raise click.UsageError(f"No such command '{args[0]}'. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the declared one-line helps."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.lazy.items()])


def command(
    name: str | None = None, *, workspace: bool = False, **settings: Any
) -> Callable[[Callable[..., Mapping[str, Any] | None]], click.Command]:
    """Make a function a command: its options, and the frame around its work.

    The function takes ``reporter`` and what it declares (see ``mlproject.base.options``), and
    returns the object that ``--json`` prints. ``workspace`` says whether it may talk to Azure ML;
    ``settings`` are for click's context.
    """

    def decorate(function: Callable[..., Mapping[str, Any] | None]) -> click.Command:
        def framed(*, as_json: bool, quiet: bool, debug: bool, **values: Any) -> None:
            with stdout_kept_for_result() as out:
                try:
                    with terminated_as_interrupt():
                        if workspace:
                            options.choose_workspace(
                                values["workspace"], interactive=values["interactive"]
                            )
                        reporter = Reporter(quiet=quiet, out=None if as_json else out)
                        result = function(reporter=reporter, **collected(function, values))
                except (click.exceptions.ClickException, click.exceptions.Exit):
                    raise
                except BaseException as error:  # noqa: BLE001 - the frame is where failures end
                    interruptions.ending(told=False)
                    if debug:
                        traceback.print_exc()
                    code, message = described(error)
                    if as_json:
                        out.write(json.dumps(finite(failure(error, code, message))) + "\n")
                    leave(code, message)
                if as_json and result is not None:
                    out.write(json.dumps(finite(result), default=str, allow_nan=False) + "\n")

        shared = (*options.WORKSPACE, *options.SHARED) if workspace else options.SHARED
        return click.Command(
            name or function.__name__,
            callback=framed,
            params=[*options.parameters(function), *shared],
            help=function.__doc__,
            context_settings=CONTEXT | settings,
        )

    return decorate


def described(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the one line for a failure."""
    if isinstance(error, errors.MlprojectError):
        return error.exit_code, redacted_text(str(error))
    if isinstance(error, KeyboardInterrupt):
        return errors.EXIT_INTERRUPTED, INTERRUPTED
    if isinstance(error, OSError) and (remedy := errors.remedy(error)) is not None:
        return errors.EXIT_CONFIGURATION, f"{errors.of_files(error)}. {remedy}"
    if isinstance(error, OSError) and error.errno is not None:
        return errors.EXIT_UNEXPECTED, errors.of_files(error)
    if has_struck():  # where a second Ctrl-C strikes, Python's own locks may complain
        return errors.EXIT_INTERRUPTED, INTERRUPTED
    what = redacted_text(errors.reason(error))
    return errors.EXIT_UNEXPECTED, f"Unexpected {what}. This is a bug; run again with --debug"


def failure(error: BaseException, code: int, message: str) -> dict[str, Any]:
    """Return what ``--json`` prints for a failure."""
    run_id = getattr(error, "run_id", None)
    told = {"status": "FAILED", "exit_code": code, "error": message, "run_id": run_id}
    result = getattr(error, "result", None)
    if result is None:
        return told
    return told | (result.as_dict() if hasattr(result, "as_dict") else dataclasses.asdict(result))


def leave(code: int, message: str) -> NoReturn:
    interruptions.ending(told=False)
    end = "" if message.endswith((".", "?")) else "."
    click.echo(f"Error: {visible(message)}{end}", err=True)
    interruptions.ending(told=True)
    sys.exit(code)


def open_standard_streams() -> None:
    """Give a process that was started without standard output or error a place to print to."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w")


def collect_garbage_rarely() -> None:
    """Have Python look for garbage among what is imported, which is none, less often.

    MLflow and scikit-learn bring a million objects. To go through all of them again and again
    while they are imported, and once more when the interpreter ends, is two seconds of the five
    that a short command takes.
    """
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 100)
    atexit.register(gc.freeze)


_real_stdout: list[int] = []


def real_stdout() -> int | None:
    """Return the descriptor of the standard output that is kept, for a command run in its place."""
    return _real_stdout[-1] if _real_stdout else None


@dataclasses.dataclass(frozen=True)
class _RealStdout:
    """The standard output that is kept for the result."""

    descriptor: int

    @property
    def width(self) -> int | None:
        try:
            return os.get_terminal_size(self.descriptor).columns or None
        except OSError:  # a pipe, or a file
            return None

    def write(self, text: str) -> None:
        data = text.encode()
        try:
            while data:
                data = data[os.write(self.descriptor, data) :]
        except BrokenPipeError:  # nobody reads on: that is the reader's choice
            return
        except OSError as error:
            leave(errors.EXIT_UNEXPECTED, f"Standard output cannot be written: {error.strerror}")


@contextmanager
def stdout_kept_for_result() -> Iterator[_RealStdout]:
    """Send everything that is printed inside the block to standard error.

    Libraries, and processes they start, print on standard output when they like. Inside the block
    file descriptor 1 is standard error; what is yielded writes to the real one.
    """
    sys.stdout.flush()
    real = os.dup(1)
    os.dup2(2, 1)
    before, sys.stdout = sys.stdout, sys.stderr
    _real_stdout.append(real)
    try:
        yield _RealStdout(real)
    finally:
        _real_stdout.pop()
        sys.stdout.flush()
        sys.stdout = before
        os.dup2(real, 1)
        os.close(real)
