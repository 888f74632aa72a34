"""``mlproject emulator``: start, run, env, status."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError
from mlproject.base.options import Argument, Option
from mlproject.cli.frame import LazyGroup, command, real_stdout
from mlproject.cli.tracking import EXPORTS, Shell
from mlproject.emulator.settings import Identity, Settings

if TYPE_CHECKING:
    from mlproject.emulator.instance import EmulatorInstance

_HERE = "mlproject.cli.emulator"
_FOLDER = ".azureml-emulator"
_UNSET = {
    "sh": "unset {}",
    "fish": "set -e {}",
    "powershell": "Remove-Item Env:{} -ErrorAction SilentlyContinue",
    "cmd": 'set "{}="',
}
_State = Annotated[str, Option("Folder of the emulator's state.", metavar="FOLDER")]
_Identity = Annotated[
    Identity,
    Option("Sign in with a client secret, as a managed identity, or as one without a role."),
]


@click.group(
    cls=LazyGroup,
    lazy={
        "start": (f"{_HERE}:start", "Run the emulator until it is interrupted."),
        "run": (f"{_HERE}:run", "Run a command against an emulator of its own."),
        "env": (f"{_HERE}:env", "Print shell exports that lead clients to a started emulator."),
        "status": (
            f"{_HERE}:status",
            "Show whether an emulator is running, and the requests that it has had.",
        ),
    },
)
def emulator() -> None:
    """Stand in for an Azure ML workspace, on loopback, for unmodified clients."""


def emulated(
    stack: ExitStack, folder: Path, settings: Settings, *, port: int = 0, wait: bool = True
) -> EmulatorInstance:
    try:
        from mlproject.emulator.start import started
    except ImportError as error:
        raise ConfigurationError(
            f"The emulator needs the package '{error.name}'",
            "Install the extra 'azureml': pip install -e '.[azureml]' in the checkout",
        ) from error

    return stack.enter_context(started(folder, settings, port=port, wait=wait))


@command()
def start(
    reporter: Reporter,
    settings: Settings,
    state: _State = _FOLDER,
    port: Annotated[
        int, Option("Port of the proxy; by default any free one.", minimum=0, maximum=65535)
    ] = 0,
) -> None:
    """Run the emulator until Ctrl-C.

    \b
    In another shell:
      eval "$(mlproject emulator env)"
    """
    with ExitStack() as stack:
        found = emulated(stack, Path(state), settings, port=port)
        reporter.say(f"The emulator is at {found.address}, its state in {found.folder}")
        reporter.say('In another shell: eval "$(mlproject emulator env)"')
        with suppress(KeyboardInterrupt):
            signal.pause() if hasattr(signal, "pause") else sys.stdin.read()
        reporter.say(f"The emulator has ended; its state is kept in {found.folder}")


@command(ignore_unknown_options=True)
def run(
    reporter: Reporter,
    settings: Settings,
    words: Annotated[tuple[str, ...], Argument("What to run.", metavar="-- COMMAND...")],
    state: Annotated[
        str | None, Option("Keep the state in this folder; else it is deleted.", metavar="FOLDER")
    ] = None,
    identity: _Identity = "secret",
) -> None:
    """Run COMMAND against an emulator of its own, and end with its exit code.

    Ctrl-C and SIGTERM go to COMMAND; the emulator stays until it has ended.

    \b
    Example:
      mlproject emulator run --token-life 3 --lost 0.05 -- python script.py
    """
    from mlproject.emulator.command import exit_code

    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="azureml-emulator-"))
        # The command has imports of its own to do while the emulator has.
        found = emulated(stack, Path(state or scratch), settings, wait=False)
        code = exit_code(words, found.process_environment(identity), real_stdout())
    raise click.exceptions.Exit(code)


@command()
def env(
    reporter: Reporter, state: _State = _FOLDER, shell: Shell = "sh", identity: _Identity = "secret"
) -> dict[str, Any]:
    """Print shell exports that lead clients to a started emulator.

    Variables of this shell that would lead them elsewhere are unset.
    """
    from mlproject.emulator.environment import astray
    from mlproject.emulator.instance import find

    variables = find(Path(state)).environment_of(identity)
    misleading = sorted(set(astray(os.environ)) - variables.keys())
    lines = [_UNSET[shell].format(name) for name in misleading]
    lines += [EXPORTS[shell](name, value) for name, value in variables.items()]
    reporter.emit("\n".join(lines))
    return {"environment": variables, "unset": misleading}


@command()
def status(reporter: Reporter, state: _State = _FOLDER) -> dict[str, Any]:
    """Show whether an emulator is running, and the requests that it has had."""
    from mlproject.emulator.instance import find

    found = find(Path(state))
    counts = Counter(str(request.status) for request in found.requests())
    rows = [("address", found.address), ("state", str(found.folder))]
    rows += [(f"answered {name}", str(count)) for name, count in sorted(counts.items())]
    reporter.table("The emulator is running", ("", ""), rows)
    return {"address": found.address, "folder": str(found.folder), "answers": dict(counts)}
