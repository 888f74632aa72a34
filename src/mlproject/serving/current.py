"""The model that answers now; another one takes its place when the alias moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread

from mlproject.base.console import Reporter
from mlproject.base.errors import MlprojectError
from mlproject.models import finding
from mlproject.models.finding import ModelSource
from mlproject.models.loaded import LoadedModel
from mlproject.models.opening import open_model
from mlproject.models.trust import Policy
from mlproject.serving.answering import Answerer
from mlproject.tracking.session import Session

_LATEST = "/latest"
# The event loop must not stand still for longer.
_QUICK_SECONDS = 0.05
_TIMES = 5


@dataclass(frozen=True)
class Served:
    """A model that answers.

    Attributes
    ----------
    quick : bool
        Whether a row takes so little that the event loop can ask for it.
    since : float
        Seconds since the epoch.
    """

    answerer: Answerer
    quick: bool
    since: float = field(default_factory=time.time)

    @property
    def model(self) -> LoadedModel:
        return self.answerer.model

    @property
    def described(self) -> str:
        version = f" (version {self.model.version})" if self.model.version else ""
        return f"{self.model.uri}{version}"


class CurrentModel:
    """Holds what answers now.

    A request is answered by the model that was there when it came; the next one by the new.

    Attributes
    ----------
    problem : str or None
        Why the model that the alias has now does not answer; the one before goes on.
    """

    def __init__(
        self, reference: str, method: str, session: Session, policy: Policy, reporter: Reporter
    ) -> None:
        self._reference = reference
        self._method = method
        self._session = session
        self._policy = policy
        self._reporter = reporter
        self.problem: str | None = None
        self._failed: ModelSource | None = None
        self.served = self._opened()

    @property
    def can_move(self) -> bool:
        """Whether the reference may stand for another model later."""
        named = self._reference.startswith("models:/")
        return named and ("@" in self._reference or self._reference.endswith(_LATEST))

    def watch(self, every: float, ended: Event) -> Thread:
        """Look after the alias in a thread of its own, until an event ends that."""

        def look() -> None:
            while not ended.wait(every):
                self.refresh()

        thread = Thread(target=look, name="alias", daemon=True)
        thread.start()
        return thread

    def refresh(self) -> None:
        """Put another model in the place of this one, if the alias has moved."""
        try:
            source = finding.find(self._reference, self._session)
            if source in (self.served.model.source, self._failed):
                return
            self._failed = source
            self.served = self._opened()
            self._failed = self.problem = None
            self._reporter.say(f"Now serving {self.served.described}")
        except MlprojectError as error:
            self._tell(str(error))
        except Exception as error:  # noqa: BLE001 - a thread's end; the old model goes on
            self._tell(f"{type(error).__name__}: {error}")

    def _tell(self, problem: str) -> None:
        if problem != self.problem:
            self._reporter.warn(f"{problem}. {self.served.described} keeps answering")
        self.problem = problem

    def _opened(self) -> Served:
        model = open_model(self._reference, self._session, self._policy)
        for notice in model.notices:
            self._reporter.warn(notice)
        answerer = Answerer(model, self._method)
        return Served(answerer, _is_quick(answerer))


def _is_quick(answerer: Answerer) -> bool:
    """Whether one row is predicted so fast; asked of the good row, which warms the model up too."""
    good = answerer.scorer.good
    if good is None:
        return False
    return _seconds(lambda: answerer.scorer.of_frame(good)) < _QUICK_SECONDS


def _seconds(work: Callable[[], object]) -> float:
    """Return how long something takes: the quickest of several times."""
    best = float("inf")
    for _ in range(_TIMES):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best
