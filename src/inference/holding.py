"""An output held while it is made: by one process, from before the model is loaded to the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from inference import existing
from inference.claim import Claim, held
from inference.outputs import OutputPaths
from inference.request import ScoreRequest
from inference.state import State
from mlproject.base.console import Reporter
from mlproject.base.errors import (
    ConfigurationError,
    DataError,
    MlprojectError,
    remedy,
)

_KEPT = "What has been scored is kept: run it again with --resume"


@dataclass(frozen=True)
class Holding:
    """A claim on an output, and what is written beside it."""

    paths: OutputPaths
    claim: Claim
    state: State
    made_folder: bool

    def leave_nothing(self) -> None:
        """Remove what was written beside the output."""
        self.claim.remove()
        if self.made_folder:
            with suppress(OSError):  # it is the output itself, or another's by now
                self.paths.folder.path.rmdir()


@contextmanager
def holding(request: ScoreRequest, paths: OutputPaths, reporter: Reporter) -> Iterator[Holding]:
    """Hold an output for the block; of what fails, keep the parts that are scored.

    Raises
    ------
    ConfigurationError
        At once, when another process holds it, or when it is there and may not be replaced.
    """
    folder = paths.folder
    try:
        existing.refuse(request, paths)
        made = folder.is_local and not folder.exists()
        folder.make()
    except OSError as error:
        raise ConfigurationError(
            f"{paths.given} cannot be written: {error.strerror or error}", remedy(error)
        ) from error
    with held(paths.work, paths.given) as claim:
        found = Holding(paths, claim, State(paths.work), made)
        try:
            with _rejects_held(paths):
                existing.refuse(request, paths)  # as it stands now
                yield found
        except BaseException as error:
            kept = bool(found.state.scored())
            if not kept:
                found.leave_nothing()
            if isinstance(error, OSError) and not isinstance(
                error, (ConnectionError, TimeoutError)
            ):
                raise _not_writable(paths, error, kept=kept) from error
            if kept and not isinstance(error, ConfigurationError):
                reporter.warn(f"{_KEPT} to finish")
            raise


@contextmanager
def _rejects_held(paths: OutputPaths) -> Iterator[None]:
    """Hold the file of rejects too, which another output may be given as well."""
    if paths.rejects is None:
        yield
        return
    file = paths.rejects
    with held(file.store.child(f".{file.name}.held"), file.shown) as claim:
        try:
            yield
        finally:
            with suppress(ConfigurationError, OSError):  # it was removed by hand
                claim.remove()


def _not_writable(paths: OutputPaths, error: OSError, *, kept: bool) -> MlprojectError:
    place = error.filename2 or error.filename
    named = f" ({place})" if place and str(place) != paths.given else ""
    hint = remedy(error) or "Give another --output"
    return DataError(
        f"{paths.given} cannot be written: {error.strerror or error}{named}",
        f"{hint}. {_KEPT}" if kept else hint,
    )
