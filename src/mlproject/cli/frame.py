"""What all commands share: lazy loading, common options, one-line errors, exit codes, JSON."""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from mlproject.base import errors
from mlproject.base.console import Reporter
from mlproject.base.finite import finite
from mlproject.base.interrupts import terminated_as_interrupt
from mlproject.base.redaction import redacted_text
from mlproject.base.suggestions import did_you_mean


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
        """Import and return one command."""
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


def empty_is_unset(value: Any) -> Any:
    """Turn ``''`` (what MLproject passes for an unset parameter) into not given."""
    if isinstance(value, tuple):
        return tuple(item for item in value if item != "")
    return None if value == "" else value


class OrUnset(click.ParamType[Any]):
    """A parameter type for which an empty value counts as not given."""

    def __init__(self, inner: click.ParamType[Any]) -> None:
        self.inner = inner
        self.name = inner.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return None for an empty value, else what the inner type makes of it."""
        return None if value == "" else self.inner.convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return the inner type's metavar."""
        return self.inner.get_metavar(param, ctx)


INTEGER = OrUnset(click.INT)
BOOLEAN = OrUnset(click.BOOL)


def check_jobs(jobs: int | None, of: str) -> None:
    """Raise BadParameter unless ``--jobs`` is a number of something, or -1."""
    if jobs is not None and (jobs == 0 or jobs < -1):
        raise click.BadParameter(
            f"give a number of {of}, or -1 for all cores", param_hint="'--jobs'"
        )


def command(
    function: Callable[..., Mapping[str, Any] | None],
) -> Callable[..., None]:
    """Give a command ``--json``, ``--quiet`` and ``--debug``, and the frame around its work.

    The function receives ``reporter`` and its own options, with empty values already turned
    into None, and returns the object that ``--json`` prints.
    """

    @click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object on standard output."
    )
    @click.option(
        "--quiet", is_flag=True, help="No progress and no tables; errors and warnings only."
    )
    @click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
    @functools.wraps(function)
    def wrapper(*, as_json: bool, quiet: bool, debug: bool, **options: Any) -> None:
        options = {name: empty_is_unset(value) for name, value in options.items()}
        with stdout_kept_for_result() as print_result:
            try:
                with terminated_as_interrupt():
                    out = None if as_json else print_result
                    result = function(reporter=Reporter(quiet=quiet, out=out), **options)
            except (click.exceptions.ClickException, click.exceptions.Exit):
                raise
            except BaseException as error:  # noqa: BLE001 - the frame is where failures end
                if debug:
                    import traceback

                    traceback.print_exc()
                code, message = described(error)
                if as_json:
                    print_result(json.dumps(failure(error, code, message)) + "\n")
                leave(code, message)
            if as_json and result is not None:
                print_result(json.dumps(finite(result), default=str, allow_nan=False) + "\n")

    return wrapper


def described(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the one line for a failure."""
    if isinstance(error, errors.MlprojectError):
        return error.exit_code, redacted_text(str(error))
    if isinstance(error, KeyboardInterrupt):
        return errors.EXIT_INTERRUPTED, "Interrupted"
    if isinstance(error, OSError) and error.errno is not None:
        where = f": {error.filename}" if error.filename else ""
        return errors.EXIT_UNEXPECTED, f"{error.strerror}{where}"
    what = redacted_text(errors.reason(error))
    return errors.EXIT_UNEXPECTED, f"Unexpected {what}. This is a bug; run again with --debug"


def failure(error: BaseException, code: int, message: str) -> dict[str, Any]:
    """Return what ``--json`` prints for a failure."""
    run_id = getattr(error, "run_id", None)
    return {"status": "FAILED", "exit_code": code, "error": message, "run_id": run_id}


def leave(code: int, message: str) -> NoReturn:
    """Print the one line on standard error and end with the exit code."""
    end = "" if message.endswith((".", "?")) else "."
    click.echo(f"Error: {message}{end}", err=True)
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


_real_stdout: list[int] = []


def real_stdout() -> int | None:
    """Return the descriptor of the standard output that is kept, for a command run in its place."""
    return _real_stdout[-1] if _real_stdout else None


@contextmanager
def stdout_kept_for_result() -> Iterator[Callable[[str], None]]:
    """Send everything that is printed inside the block to standard error.

    Libraries, and processes they start, print on standard output when they like. Inside the block
    file descriptor 1 is standard error; what the yielded function is given goes to the real one.
    """
    sys.stdout.flush()
    real = os.dup(1)
    os.dup2(2, 1)
    before, sys.stdout = sys.stdout, sys.stderr

    def write(text: str) -> None:
        data = text.encode()
        try:
            while data:
                data = data[os.write(real, data) :]
        except BrokenPipeError:  # nobody reads on: that is the reader's choice
            return
        except OSError as error:
            leave(errors.EXIT_UNEXPECTED, f"Standard output cannot be written: {error.strerror}")

    _real_stdout.append(real)
    try:
        yield write
    finally:
        _real_stdout.pop()
        sys.stdout.flush()
        sys.stdout = before
        os.dup2(real, 1)
        os.close(real)
