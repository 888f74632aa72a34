"""Moving an alias: only where it still names what was compared, and never unrecorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlproject.base import locks
from mlproject.base.errors import GateError, MlprojectError, TrackingError
from mlproject.registry import ledger, versions
from mlproject.registry.ledger import Entry
from mlproject.registry.versions import Version
from mlproject.tracking.failures import as_tracking_error

if TYPE_CHECKING:
    from mlflow import MlflowClient

_LOCK_SECONDS = 30.0


@dataclass(frozen=True)
class Judged:
    """What the gate says of a challenger.

    Attributes
    ----------
    passed : bool
    why : str
        In one sentence.
    details : dict
        For the record; JSON.
    metrics : dict of str to float
        The numbers that the record shows.
    """

    passed: bool
    why: str
    details: Mapping[str, Any]
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Move:
    """What became of a promotion or a rollback.

    Attributes
    ----------
    name, alias : str
    before, after : int or None
        The version that the alias named, and the one that it names now.
    record : str or None
        The run that records it; None when there was nothing to do.
    judged : Judged or None
    """

    name: str
    alias: str
    before: int | None
    after: int
    record: str | None
    judged: Judged | None = None


def promote(
    client: MlflowClient,
    name: str,
    wanted: str | None,
    alias: str,
    judge: Callable[[Version | None, Version], Judged],
) -> Move:
    """Move an alias to a version, if the gate lets it through.

    Parameters
    ----------
    client : MlflowClient
    name : str
        Of the registered model.
    wanted : str or None
        A version's number, or ``@alias``; None for the one that was registered last.
    alias : str
    judge : callable
        Takes the champion (None for the first) and the challenger.

    Raises
    ------
    GateError
        When the gate says no. The refusal is recorded, and the alias stays.
    TrackingError
        When the model or version is not there, the alias was moved by another meanwhile, or the
        server went away; nothing was moved.
    """
    known = versions.all_versions(client, name)
    challenger, champion = versions.pick(known, name, wanted), versions.by_alias(known, alias)
    if champion is not None and champion.number == challenger.number:
        return Move(name, alias, champion.number, challenger.number, None)
    judged = judge(champion, challenger)
    before = champion.number if champion is not None else None
    action = ledger.PROMOTE if judged.passed else ledger.REFUSED
    with _not_moved(name, alias):
        turn = ledger.opened(
            client, name, alias, action, before, challenger.number, judged.details, judged.metrics
        )
    if not judged.passed:
        with as_tracking_error(f"The refusal of {challenger.uri} cannot be recorded"):
            turn.end(done=False, why=judged.why)
        stays = f"version {before}" if before is not None else "no version"
        raise GateError(
            f"{challenger.uri} is not promoted: {judged.why}",
            f"The alias '{alias}' still names {stays}; the verdict is in run {turn.run_id}",
        )
    _move(client, name, alias, before, challenger.number, turn)
    return Move(name, alias, before, challenger.number, turn.run_id, judged)


def rollback(client: MlflowClient, name: str, alias: str) -> Move:
    """Move an alias back to the version that it named before.

    Repeated rollbacks walk back through the record.

    Raises
    ------
    TrackingError
        When there is nothing before, the version is gone, or as with ``promote``.
    """
    known = versions.all_versions(client, name)
    current = versions.by_alias(known, alias)
    if current is None:
        raise TrackingError(
            f"'{name}' has no alias '{alias}'", "Promote a version first: mlproject models promote"
        )
    target = previous(ledger.moves(ledger.entries(client, name, alias)), current.number)
    if target is None:
        raise TrackingError(f"The record has nothing before version {current.number} of '{name}'")
    if target not in {item.number for item in known}:
        raise TrackingError(
            f"Version {target} of '{name}', which was '{alias}' before, was deleted",
            "Promote another one: mlproject models promote",
        )
    details = {"action": ledger.ROLLBACK, "from": current.number, "to": target}
    with _not_moved(name, alias):
        turn = ledger.opened(
            client, name, alias, ledger.ROLLBACK, current.number, target, details, {}
        )
    _move(client, name, alias, current.number, target, turn)
    return Move(name, alias, current.number, target, turn.run_id)


def previous(moves: Sequence[Entry], current: int) -> int | None:
    """Return the version that an alias named before the current one, or None.

    A promotion puts its version on top of what was before, a rollback takes the top away; a move
    that was made without a record counts as a promotion.
    """
    stack: list[int] = []
    for move in moves:
        if move.before is not None and (not stack or stack[-1] != move.before):
            stack.append(move.before)
        if move.action == ledger.ROLLBACK and stack:
            stack.pop()
        if move.after is not None and (not stack or stack[-1] != move.after):
            stack.append(move.after)
    if not stack or stack[-1] != current:
        stack.append(current)
    return stack[-2] if len(stack) > 1 else None


def _move(
    client: MlflowClient,
    name: str,
    alias: str,
    before: int | None,
    after: int,
    turn: ledger.Turn,
) -> None:
    """Move the alias, unless somebody has moved it since it was looked at."""
    failing = f"The alias '{alias}' of '{name}' was not moved"
    try:
        with as_tracking_error(failing), _alone(client):
            ledger.claim(client, name, alias, turn)
            _check_still(client, name, alias, before)
            _check_in_time(name, alias, turn)
            client.set_registered_model_alias(name, alias, str(after))
    except BaseException as error:
        why = error.what if isinstance(error, MlprojectError) else type(error).__name__
        _end_quietly(turn, why)
        raise
    # The alias stands from here on; what fails now is told as what it is.
    with as_tracking_error(
        f"The alias '{alias}' of '{name}' names version {after} now, but the record "
        f"{turn.run_id} could not be ended"
    ):
        turn.end(done=True)


def _check_still(client: MlflowClient, name: str, alias: str, before: int | None) -> None:
    """Raise TrackingError when an alias names another version than the one that was compared."""
    now = versions.by_alias(versions.all_versions(client, name), alias)
    number = now.number if now is not None else None
    if number != before:
        raise TrackingError(
            f"The alias '{alias}' of '{name}' was not moved: it names {_text(number)} now, "
            f"and {_text(before)} was compared",
            "Compare again",
        )


def _check_in_time(name: str, alias: str, turn: ledger.Turn) -> None:
    """Raise TrackingError when others may soon take this attempt for dead, and go ahead."""
    if turn.is_late:
        raise TrackingError(
            f"The alias '{alias}' of '{name}' was not moved: the server took minutes to answer",
            "Try again",
        )


def _end_quietly(turn: ledger.Turn, why: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        turn.end(done=False, why=why)
    except (MlflowException, OSError):
        return  # the server is gone; what went wrong first is told


def _text(number: int | None) -> str:
    return f"version {number}" if number is not None else "no version"


@contextmanager
def _not_moved(name: str, alias: str) -> Iterator[None]:
    """Say of what goes wrong that nothing was moved."""
    try:
        yield
    except TrackingError as error:
        raise TrackingError(
            f"The alias '{alias}' of '{name}' was not moved: {error.what}", error.hint
        ) from error


@contextmanager
def _alone(client: MlflowClient) -> Iterator[None]:
    """Keep other processes of this machine off a local store, whose calls are not atomic."""
    uri = str(client.tracking_uri)
    if uri.startswith("file:"):
        path = Path(url2pathname(urlsplit(uri).path)) / ".registry.lock"
    elif uri.startswith("sqlite:///"):
        path = Path(f"{uri.removeprefix('sqlite:///')}.registry.lock")
    else:
        yield
        return
    what = f"The registry at {client.tracking_uri} is in use by another promotion"
    with locks.waited_for(path, _LOCK_SECONDS, what, "Try again"):
        yield
