"""How far a search or a transfer has come: what is shown meanwhile, and that nothing stays."""

from __future__ import annotations

import pickle
import re
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.callback import ProgressBar
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV

import mlproject
from mlproject.base.console import Reporter
from mlproject.base.progress import Transfer, moving
from mlproject.data import remote
from training import fit, fitting, progress
from training.fit_events import Event
from training.metrics import of_scoring
from training.plan import Plan

ROWS = np.random.default_rng(0).normal(size=(60, 2))
TARGET = ROWS @ [1.0, 2.0] + np.random.default_rng(1).normal(size=60)
SCORING = {"error": "neg_root_mean_squared_error", "r2": "r2"}


class Watched(Ridge):
    """Waits in each fit until two more lines have been told: the first may be older than it."""

    def __init__(self, folder: str = "", alpha: float = 1.0) -> None:
        super().__init__(alpha=alpha)
        self.folder = folder

    def fit(self, X: Any, y: Any) -> Watched:
        told = Path(self.folder)
        before, deadline = len(list(told.iterdir())), time.monotonic() + 60
        while len(list(told.iterdir())) < before + 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        super().fit(X, y)
        return self


class Told(Reporter):
    """Keeps its lines, and leaves a file for each."""

    seconds_between_standings = 0.02

    def __init__(self, folder: Path, *, quiet: bool = False) -> None:
        super().__init__(quiet=quiet)
        self.lines: list[str] = []
        self.folder = folder

    def say(self, text: str) -> None:
        (self.folder / str(len(self.lines))).touch()
        self.lines.append(text)


class Rounds(GridSearchCV):
    """Tries its candidates twice, and does not say before how often."""

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        search = callback_ctx.subcontext(task_name="search", max_subtasks=None)
        search.call_on_fit_task_begin(estimator=self)
        for _ in range(2):
            # One round of three candidates on two folds.
            once = search.subcontext(max_subtasks=6, sequential_subtasks=False)
            once.call_on_fit_task_begin(estimator=self)
            evaluate_candidates([{"alpha": a} for a in (0.1, 1, 10)], callback_ctx=once)
            once.call_on_fit_task_end(estimator=self)
        search.call_on_fit_task_end(estimator=self)


class Silent(GridSearchCV):
    """A search class from before callbacks."""

    def _run_search(self, evaluate_candidates: Any) -> None:  # type: ignore[override]
        evaluate_candidates([{"alpha": 0.1}, {"alpha": 1.0}])


def planned(search: Any) -> Plan:
    return fit.plan(search, fit.Rows(ROWS, TARGET), fit.Choices(name="slow"))


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., list[str]]:
    """A function that fits a search, and returns the lines that were told of it."""
    folder = tmp_path / "told"
    folder.mkdir()

    def lines(kind: Any, **options: Any) -> list[str]:
        reporter = Told(folder)
        plan = planned(kind(Watched(str(folder)), **options))
        with progress.shown(plan, reporter):
            fitting.fit(plan)
        return reporter.lines

    return lines


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_slow_search_tells_its_fits_its_best_score_and_the_time_left(
    told: Callable[..., list[str]], jobs: int
) -> None:
    options: dict[str, Any] = {"scoring": SCORING, "refit": "error", "cv": 2, "n_jobs": jobs}
    *lines, last = told(GridSearchCV, param_grid={"alpha": [0.1, 1, 1000]}, **options)

    counts = [int(found[1]) for line in lines if (found := re.search(r"(\d+) of 6 fits", line))]
    assert counts == sorted(counts)
    # Two at a time may end between two lines.
    assert set(counts) >= set(range(6)) if jobs == 1 else max(counts) >= 4
    whole = r"Fitting slow: [345] of 6 fits, best error \d\.\d+, \d:\d\d:\d\d left"
    assert any(re.fullmatch(whole, line) for line in lines)
    assert re.fullmatch(r"Fitting slow: 3 candidates, 2 folds \[.* s\]", last)


def test_a_search_is_told_until_the_best_is_fitted_on_all_rows(
    told: Callable[..., list[str]],
) -> None:
    options: dict[str, Any] = {"scoring": "neg_mean_absolute_error", "cv": 2, "n_iter": 2}
    lines = told(RandomizedSearchCV, param_distributions={"alpha": [0.1, 1, 1000]}, **options)

    whole = r"Fitting slow: the best on all rows, best mae \d\.\d+, \d:\d\d:\d\d so far"
    assert re.fullmatch(whole, lines[-2])


@pytest.mark.parametrize(("kind", "rounds"), [(HalvingGridSearchCV, " of 2"), (Rounds, "")])
def test_a_search_in_rounds_tells_the_round_and_its_fits(
    told: Callable[..., list[str]], kind: Any, rounds: str
) -> None:
    options = {"min_resources": 20, "factor": 2} if kind is HalvingGridSearchCV else {}
    lines = told(kind, param_grid={"alpha": [0.1, 1, 10]}, scoring="r2", cv=2, **options)

    last = 4 if rounds else 6
    assert any(f"round 1{rounds}, 5 of 6 fits, best r2 0." in line for line in lines)
    assert any(f"round 2{rounds}, {last - 1} of {last} fits, best r2 0." in line for line in lines)
    assert any(line.endswith("left in this round") for line in lines)


def test_a_search_that_tells_nothing_shows_the_time_that_has_passed(
    told: Callable[..., list[str]],
) -> None:
    *lines, _ = told(Silent, param_grid={"alpha": [0.1, 1.0]}, cv=2)

    whole = r"Fitting slow: (the best on all rows, )?\d:\d\d:\d\d so far"
    assert all(re.fullmatch(whole, line) for line in lines)
    assert len([line for line in lines if "rows" not in line]) > 4


def test_before_callbacks_came_to_scikit_learn_the_time_is_shown(
    told: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.callback._transport", None)
    *lines, _ = told(GridSearchCV, param_grid={"alpha": [0.1]}, cv=2)

    assert len(lines) > 4
    assert all(re.fullmatch(r"Fitting slow: \d:\d\d:\d\d so far", line) for line in lines)


def test_nothing_is_told_when_quiet(tmp_path: Path) -> None:
    reporter = Told(tmp_path, quiet=True)
    with progress.shown(planned(GridSearchCV(Ridge(), {"alpha": [1.0]})), reporter):
        time.sleep(0.1)

    assert reporter.lines == []


def test_the_best_is_the_highest_mean_of_a_whole_candidate_with_its_natural_sign() -> None:
    metric = of_scoring("neg_root_mean_squared_error", "regression")["rmse"]
    tally = progress.Tally("score", metric)
    tally.take(Event("begun", 1, 6))
    for number, score in [(0, -1.0), (2, -3.0), (3, -2.0), (4, float("nan")), (5, -0.5)]:
        tally.take(Event("fitted", number=number, folds=2, scores=score))
    assert "5 of 6 fits, best rmse 2.5," in tally.standing().text
    tally.take(Event("fitted", number=1, folds=2, scores=-1.0))

    assert "6 of 6 fits, best rmse 1," in tally.standing().text


def test_a_user_s_search_keeps_nothing_of_it_and_the_run_says_the_same(
    work: Path, client: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reporter, "seconds_between_standings", 0.001)
    records = []
    for shown in (True, False):
        search = GridSearchCV(Ridge(), {"alpha": [0.1, 1]}, scoring=SCORING, refit="r2", cv=2)
        before = pickle.dumps(vars(search))
        result = mlproject.fit(search, ROWS, TARGET, progress=shown, tracking="local")
        assert {"_skl_callbacks", "_callback_fit_ctx"}.isdisjoint(vars(search))
        unfitted = {k: v for k, v in vars(search).items() if not k.endswith("_") and k[0] != "_"}
        assert pickle.dumps(unfitted) == before
        records.append(client((work / "mlruns").as_uri()).get_run(result.run_id).data)

    assert records[0].params == records[1].params
    assert records[0].metrics.keys() == records[1].metrics.keys()


def test_callbacks_of_the_user_s_own_stay(tmp_path: Path) -> None:
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1]}, cv=2)
    own = ProgressBar()
    search.set_callbacks(own)
    with progress.shown(planned(search), Told(tmp_path)):
        assert search._skl_callbacks == [own]

    assert search._skl_callbacks == [own]


def test_a_cluster_is_not_asked_to_tell(told: Callable[..., list[str]]) -> None:
    class Elsewhere(joblib.parallel.ParallelBackendBase):  # type: ignore[misc]
        def effective_n_jobs(self, n_jobs: int) -> int:
            return 1

    joblib.register_parallel_backend("elsewhere", Elsewhere)
    with joblib.parallel_config("elsewhere"):
        lines = told(GridSearchCV, param_grid={"alpha": [0.1]}, cv=2)

    assert not any("fits" in line for line in lines)


def test_a_download_says_how_far_it_is_within_its_step(tmp_path: Path) -> None:
    reporter, size = Told(tmp_path), 2_000_000

    class Halting(BaseHTTPRequestHandler):
        """Sends half of a file, and the rest once that has been told."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            self.wfile.write(b"0" * (size // 2))
            deadline = time.monotonic() + 60
            while "1.0 of 2.0 MB" not in "".join(reporter.lines) and time.monotonic() < deadline:
                time.sleep(0.005)
            self.wfile.write(b"0" * (size // 2))

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Halting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/rows.csv"
        with reporter.step("Reading"):
            remote.download(address, tmp_path / "rows.csv")
        server.shutdown()

    half = rf"Reading: downloading {re.escape(address)}, 1\.0 of 2\.0 MB, \d:\d\d:\d\d left"
    assert any(re.fullmatch(half, line) for line in reporter.lines)
    assert (tmp_path / "rows.csv").stat().st_size == size


def test_bytes_that_no_step_waits_for_are_told_to_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with moving("uploading 1 file", 10) as transfer:
        transfer.add(10)
    with Told(tmp_path, quiet=True).step("Recording"), moving("uploading 1 file", 10):
        time.sleep(0.1)
    assert capsys.readouterr() == ("", "")


def test_a_file_whose_upload_begins_anew_is_not_counted_twice() -> None:
    transfer = Transfer("uploading 1 file", 10_000_000)
    come = transfer.one_file()
    for position in (4_000_000, 8_000_000, 0, 4_000_000):
        come(position)
    assert transfer.standing().text.startswith("uploading 1 file, 4.0 of 10.0 MB, ")
