"""``mlproject emulator``: start, run, env, status."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError
from mlproject.cli.frame import LazyGroup, command, real_stdout
from mlproject.cli.tracking import EXPORTS

if TYPE_CHECKING:
    from mlproject.emulator.instance import EmulatorInstance, Identity

_HERE = "mlproject.cli.emulator"
_FOLDER = ".azureml-emulator"
_SHARES = ("throttled", "unavailable", "reset", "lost")
_IDENTITIES = ("secret", "managed", "guest")
_UNSET = {
    "sh": "unset {}",
    "fish": "set -e {}",
    "powershell": "Remove-Item Env:{} -ErrorAction SilentlyContinue",
    "cmd": 'set "{}="',
}
with_identity = click.option(
    "--identity",
    type=click.Choice(_IDENTITIES),
    default="secret",
    show_default=True,
    help="Sign in with a client secret, as a managed identity, or as one without a role.",
)


@click.group(
    cls=LazyGroup,
    lazy={
        "start": (f"{_HERE}:start", "Run the emulator until it is interrupted."),
        "run": (f"{_HERE}:run", "Run a command against an emulator of its own."),
        "env": (f"{_HERE}:env", "Print shell exports that lead clients to a started emulator."),
        "status": (f"{_HERE}:status", "Show whether an emulator runs, and what it was asked."),
    },
)
def emulator() -> None:
    """Stand in for an Azure ML workspace, on loopback, for unmodified clients."""


def with_faults(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that make requests fail."""
    helps = {
        "throttled": "Share of requests answered with 429.",
        "unavailable": "Share of requests answered with 503.",
        "reset": "Share of connections that break before anything is done.",
        "lost": "Share of requests that are carried out and never answered.",
    }
    share = click.FloatRange(0, 1)
    options = [
        click.option(
            "--token-life",
            type=click.FloatRange(min=0.1),
            default=3600.0,
            metavar="S",
            show_default=True,
            help="Seconds that a token holds.",
        ),
        click.option(
            "--delay",
            type=click.FloatRange(min=0),
            default=0.0,
            metavar="S",
            help="Seconds that every request waits.",
        ),
        click.option("--seed", type=int, default=0, help="Of the faults."),
        click.option(
            "--refuse",
            metavar="PATTERN",
            help="Refuse metrics, parameters and tags whose name the regular expression matches.",
        ),
        *(
            click.option(f"--{name}", type=share, default=0.0, metavar="SHARE", help=helps[name])
            for name in _SHARES
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def emulated(
    stack: ExitStack, folder: Path, options: dict[str, Any], *, port: int = 0, wait: bool = True
) -> EmulatorInstance:
    """Start an emulator that ends with a stack."""
    from mlproject.emulator.faults import Faults
    from mlproject.emulator.start import started
    from mlproject.emulator.state import Settings

    life, refuse = options.pop("token_life"), options.pop("refuse")
    settings = Settings(life, refuse, Faults(**options))
    return stack.enter_context(started(folder, settings, port=port, wait=wait))


@click.command()
@click.option(
    "--state", default=_FOLDER, show_default=True, metavar="FOLDER", help="Where state is kept."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Of the proxy; any free one."
)
@with_faults
@command
def start(reporter: Reporter, state: str, port: int, **options: Any) -> None:
    """Run the emulator until Ctrl-C.

    \b
    In another shell:
      eval "$(mlproject emulator env)"
    """
    import signal

    with ExitStack() as stack:
        found = emulated(stack, Path(state), options, port=port)
        reporter.say(f"The emulator is at {found.address}, its state in {found.folder}")
        reporter.say('In another shell: eval "$(mlproject emulator env)"')
        with suppress(KeyboardInterrupt):
            signal.pause() if hasattr(signal, "pause") else sys.stdin.read()
        reporter.say(f"The emulator has ended; its state is kept in {found.folder}")


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--state", metavar="FOLDER", help="Keep the state here; it is thrown away if not.")
@with_identity
@with_faults
@click.argument("words", nargs=-1, required=True, metavar="-- COMMAND...", type=click.UNPROCESSED)
@command
def run(
    reporter: Reporter,
    state: str | None,
    identity: Identity,
    words: tuple[str, ...],
    **options: Any,
) -> None:
    """Run COMMAND against an emulator of its own, and end with its exit code.

    \b
    Example:
      mlproject emulator run --token-life 3 --lost 0.05 -- python script.py
    """
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="azureml-emulator-"))
        # The command has imports of its own to do while the emulator has.
        found = emulated(stack, Path(state or scratch), options, wait=False)
        environment = found.process_environment(identity)
        try:
            code = subprocess.call(words, env=environment, stdout=real_stdout())
        except OSError as error:
            raise ConfigurationError(f"'{words[0]}' cannot be run: {error.strerror}") from error
    raise click.exceptions.Exit(code)


@click.command()
@click.option("--state", default=_FOLDER, metavar="FOLDER", help="Of the started emulator.")
@click.option("--shell", type=click.Choice(sorted(EXPORTS)), default="sh", show_default=True)
@with_identity
@command
def env(reporter: Reporter, state: str, shell: str, identity: Identity) -> dict[str, Any]:
    """Print shell exports that lead clients to a started emulator.

    Variables of this shell that would lead them elsewhere are unset.
    """
    from mlproject.emulator.environment import astray
    from mlproject.emulator.instance import find

    variables = find(Path(state)).environment_of(identity)
    misleading = sorted(set(astray(os.environ)) - variables.keys())
    lines = [_UNSET[shell].format(name) for name in misleading]
    lines += [EXPORTS[shell](name, value) for name, value in variables.items()]
    reporter.emit("\n".join(lines) + "\n")
    return {"environment": variables, "unset": misleading}


@click.command()
@click.option("--state", default=_FOLDER, metavar="FOLDER", help="Of the started emulator.")
@command
def status(reporter: Reporter, state: str) -> dict[str, Any]:
    """Show whether an emulator runs, and what it was asked."""
    from mlproject.emulator.instance import find

    found = find(Path(state))
    counts = Counter(str(request.status) for request in found.requests())
    rows = [("address", found.address), ("state", str(found.folder))]
    rows += [(f"answered {name}", str(count)) for name, count in sorted(counts.items())]
    reporter.table("The emulator runs", ("", ""), rows)
    return {"address": found.address, "folder": str(found.folder), "answers": dict(counts)}
