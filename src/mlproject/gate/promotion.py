"""Moving an alias: only where it still names what was compared, and never unrecorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlproject.base.errors import GateError, MlprojectError, TrackingError
from mlproject.base.files import locked
from mlproject.gate import report
from mlproject.gate.verdict import Verdict
from mlproject.registry import ledger, versions
from mlproject.registry.ledger import Attempt, Entry
from mlproject.registry.versions import Version
from mlproject.tracking.failures import as_tracking_error

if TYPE_CHECKING:
    from mlflow import MlflowClient

_LOCK_SECONDS = 30.0


@dataclass(frozen=True)
class PromotionResult:
    """What became of a promotion or a rollback.

    Attributes
    ----------
    before, after : int or None
        The version that the alias named, and the one that it names now.
    record : str or None
        The run that records it; None when there was nothing to do.
    verdict : Verdict or None
        What the gate concluded, where it was asked.
    """

    name: str
    alias: str
    before: int | None
    after: int
    record: str | None
    verdict: Verdict | None = None

    @property
    def judged(self) -> dict[str, Any] | None:
        """The verdict as ``--json`` prints it."""
        names = ("passed", "why", "details", "metrics")
        return {name: getattr(self.verdict, name) for name in names} if self.verdict else None

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        names = ("name", "alias", "before", "after", "record", "judged")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Wanted:
    """A promotion that is asked for.

    Attributes
    ----------
    version : str or None
        A version's number, or ``@alias``; None for the one that was registered last.
    """

    name: str
    version: str | None
    alias: str


def promote(
    client: MlflowClient,
    wanted: Wanted,
    judge: Callable[[Version | None, Version], Verdict],
    *,
    dry: bool = False,
) -> PromotionResult:
    """Move an alias to a version, if the gate lets it through; a refusal is recorded too.

    Parameters
    ----------
    judge : callable
        Takes the champion (None for the first) and the challenger.
    dry : bool
        Whether nothing is recorded, and nothing moved.
    """
    name, alias = wanted.name, wanted.alias
    versions.check_alias(alias)
    known = versions.all_versions(client, name)
    challenger, champion = (
        versions.pick(known, name, wanted.version),
        versions.by_alias(known, alias),
    )
    if champion is not None and champion.number == challenger.number:
        return PromotionResult(name, alias, champion.number, challenger.number, None)
    verdict = judge(champion, challenger)
    before = champion.number if champion is not None else None
    action = ledger.PROMOTE if verdict.passed else ledger.REFUSED
    attempt = Attempt(
        *(name, alias, action, before, challenger.number, verdict.details, verdict.metrics),
        rows=verdict.rows,
        override=verdict.override,
        page=None if dry else report.page(verdict, wanted, before, challenger.number),
    )
    if dry:
        if not verdict.passed:
            raise _refusal(verdict, challenger, "Nothing was recorded")
        return PromotionResult(name, alias, before, challenger.number, None, verdict)
    move = _Move(client, attempt)
    turn = move.opened()
    if not verdict.passed:
        with as_tracking_error(f"The refusal of {challenger.uri} cannot be recorded"):
            turn.end(done=False, why=verdict.why)
        where = f"the verdict is in run {turn.run_id}"
        raise _refusal(
            verdict, challenger, f"The alias '{alias}' still names {_text(before)}; {where}"
        )
    move.make(turn)
    return PromotionResult(name, alias, before, challenger.number, turn.run_id, verdict)


def _refusal(verdict: Verdict, challenger: Version, hint: str) -> GateError:
    error = GateError(f"{challenger.uri} is not promoted: {verdict.why}", hint)
    error.result = verdict
    return error


def rollback(client: MlflowClient, name: str, alias: str) -> PromotionResult:
    """Move an alias back to the version that it named before.

    Repeated rollbacks walk back through the record.
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
    move = _Move(client, Attempt(name, alias, ledger.ROLLBACK, current.number, target, details))
    turn = move.opened()
    move.make(turn)
    return PromotionResult(name, alias, current.number, target, turn.run_id)


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


@dataclass(frozen=True)
class _Move:
    """An attempt on its way."""

    client: MlflowClient
    attempt: Attempt

    def opened(self) -> ledger.Turn:
        try:
            return ledger.opened(self.client, self.attempt)
        except TrackingError as error:
            raise self._not_made(error.what, error.hint) from error

    def make(self, turn: ledger.Turn) -> None:
        """Move the alias, unless somebody has moved it since it was looked at."""
        name, alias, after = self.attempt.name, self.attempt.alias, self.attempt.after
        asked = False
        try:
            with as_tracking_error(self._failing), _alone(self.client):
                ledger.claim(self.client, name, alias, turn)
                self._check_still(turn)
                asked = True
                self.client.set_registered_model_alias(name, alias, str(after))
        except BaseException as error:
            if not (asked and self._is_made()):
                why = error.what if isinstance(error, MlprojectError) else type(error).__name__
                _end_quietly(turn, done=False, why=why)
                raise
            if not isinstance(error, TrackingError):  # an interruption, which is not ours to end
                _end_quietly(turn, done=True)
                raise
        # The alias stands from here on; what fails now is told as what it is.
        with as_tracking_error(
            f"The alias '{alias}' of '{name}' names version {after} now, but the "
            f"record {turn.run_id} could not be ended"
        ):
            turn.end(done=True)

    def _is_made(self) -> bool:
        """Whether the alias was moved although the call has failed: its answer was lost."""
        from mlflow.exceptions import MlflowException

        try:
            return self._now() == self.attempt.after
        except (MlprojectError, MlflowException, OSError):
            return False  # the server is gone, and nothing tells

    def _now(self) -> int | None:
        known = versions.all_versions(self.client, self.attempt.name)
        version = versions.by_alias(known, self.attempt.alias)
        return version.number if version is not None else None

    def _check_still(self, turn: ledger.Turn) -> None:
        """Raise TrackingError when the alias may name another version than was compared."""
        number = self._now()
        if number != self.attempt.before:
            why = f"it names {_text(number)} now, and {_text(self.attempt.before)} was compared"
            raise self._not_made(why, "Compare again")
        if turn.is_late:  # others may soon take this attempt for dead, and go ahead
            raise self._not_made("the server took minutes to answer", "Try again")

    @property
    def _failing(self) -> str:
        return f"The alias '{self.attempt.alias}' of '{self.attempt.name}' was not moved"

    def _not_made(self, why: str, hint: str | None) -> TrackingError:
        return TrackingError(f"{self._failing}: {why}", hint)


def _end_quietly(turn: ledger.Turn, *, done: bool, why: str | None = None) -> None:
    from mlflow.exceptions import MlflowException

    try:
        turn.end(done=done, why=why)
    except (MlflowException, OSError):
        return  # the server is gone; what went wrong first is told


def _text(number: int | None) -> str:
    return f"version {number}" if number is not None else "no version"


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
    with locked(path, what, "Try again", seconds=_LOCK_SECONDS):
        yield
