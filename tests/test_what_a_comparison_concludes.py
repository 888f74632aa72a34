"""Which of two models is better, in words, by what a promotion would be judged by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from mlproject.gate.comparison import Comparison, Size
from mlproject.gate.conclusion import concluded
from mlproject.gate.seen import Seen
from mlproject.gate.verdict import decide
from tests.conftest import Shell
from tests.promotions import data, registered
from training.resampling.intervals import Interval
from training.resampling.metrics import check
from training.rules import Rules

MODELS = ("models:/m/1", "models:/m/2")


def comparison(
    middle: float, low: float, high: float, *, size: Size | None = None, **rules: Any
) -> Comparison:
    interval = Interval("rmse", 2.0, 2.0 - middle, middle, low, high, 0.95, 2000, 1000)
    return Comparison(
        Rules(**rules),
        check("rmse", "regression"),
        interval.challenger,
        interval,
        size=size or Size(1000, 1000),
        seconds_a_row=(1e-6, 1e-6),
        seen=(Seen("models:/m/2", 0, "hashes"), Seen("models:/m/1", 0, "hashes")),
    )


@pytest.mark.parametrize(
    ("numbers", "rules", "better", "sentence"),
    [
        ((0.5, 0.2, 0.8), {}, "challenger", "models:/m/2 is better: rmse 1.500 against 2.000"),
        ((-0.5, -0.8, -0.2), {}, "champion", "models:/m/1 is better: rmse 2.500 against 2.000"),
        ((0.5, -0.2, 1.2), {}, "neither", "Neither is surely better: rmse 1.50 against 2.00"),
        ((0.0, 0.0, 0.0), {}, "neither", "Neither is surely better"),
        (
            (0.5, 0.2, 0.8),
            {"improvement": 0.3},
            "neither",
            "models:/m/2 is not surely better by more than 0.3",
        ),
        (
            (-0.1, -0.2, 0.1),
            {"equivalence": 0.3},
            "challenger",
            "models:/m/2 is not worse than models:/m/1 by 0.3",
        ),
        (
            (-0.1, -0.4, 0.1),
            {"equivalence": 0.3},
            "neither",
            "models:/m/2 may be worse than models:/m/1 by 0.3",
        ),
    ],
)
def test_the_interval_says_which_is_better(
    numbers: tuple[float, float, float], rules: dict[str, Any], better: str, sentence: str
) -> None:
    found = concluded(MODELS, comparison(*numbers, **rules))

    assert found.better == better
    assert found.sentence.startswith(sentence)
    assert not found.against


@pytest.mark.parametrize(
    ("size", "why"),
    [
        (Size(29, 29), "29 rows cannot tell; at least 30 are needed"),
        (Size(1, 1), "1 row cannot tell; at least 30 are needed"),
        (Size(400, 9, "groups"), "9 groups of 400 rows cannot tell; at least 10 groups"),
        (Size(40, 40, chance=0.2), "40 rows cannot tell; 20.0% of equal models would be promoted"),
    ],
)
def test_rows_that_cannot_tell_say_so_however_clear_they_look(size: Size, why: str) -> None:
    found = concluded(MODELS, comparison(0.5, 0.2, 0.8, size=size))

    assert found.better == "cannot tell"
    assert found.sentence.startswith(f"Nothing tells which of the two is better: {why}")


def test_what_else_a_promotion_asks_is_told() -> None:
    found = concluded(MODELS, comparison(0.5, 0.2, 0.8, floor=1.0))

    assert found.better == "challenger"
    assert [item.what for item in found.against] == ["rmse 1.500, above the ceiling of 1"]


def test_rows_without_a_group_are_counted() -> None:
    (rows,) = [
        item
        for size in [Size(400, 41, "groups", without=12, column="site")]
        for item in decide(comparison(0.5, 0.2, 0.8, size=size)).checks
        if item.name == "rows"
    ]

    assert rows.what == "41 groups (12 rows without 'site' are one of them) of 400 rows"


@pytest.fixture
def two(shell: Shell) -> Shell:
    """Two versions of a model, the second better, and rows that are new to both."""
    for alpha in (0.5, 0.01):
        registered(shell, "m", alpha=alpha)
    data(shell.folder, "new.csv", seed=7)
    return shell


def test_a_comparison_ends_with_a_verdict(two: Shell) -> None:
    frame = pd.read_csv(two.folder / "new.csv")
    frame["site"] = [f"s{row % 9}" if row % 50 else None for row in range(len(frame))]
    frame.to_csv(two.folder / "new.csv", index=False)
    frame[:20].to_csv(two.folder / "few.csv", index=False)

    def compared(*options: str, code: int = 0) -> Any:
        command = ("models", "compare", "m", "--versions", "1,2", "--time-factor", "1000", *options)
        done = two.mlproject(*command)
        assert done.code == code, done.err
        return done.out

    plain = compared("--data", "new.csv", "--floor", "0.001", "--slice-by", "group")
    grouped = compared("--data", "new.csv", "--group-by", "site")
    few = compared("--data", "few.csv")
    more = compared("--data", "new.csv", "--min-rows", "5000", "--json")

    assert "models:/m/2 is better: rmse 0." in plain
    assert "A promotion would say no: rmse 0." in plain
    assert "above the ceiling of 0.001 (floor)." in plain
    assert "10 groups (12 rows without 'site' are one of them)" in grouped
    assert "models:/m/2 is better" in grouped
    assert "Nothing tells which of the two is better: 20 rows cannot tell" in few
    assert '"better": "cannot tell"' in more
    assert "600 rows cannot tell; at least 5000 are needed" in more


def test_options_that_would_do_nothing_are_refused(shell: Shell) -> None:
    for name in ("a.csv", "b.csv"):
        rows = pd.DataFrame({"id": range(40), "prediction": range(40)})
        rows.to_csv(shell.folder / name, index=False)
    labels = pd.DataFrame({"id": range(40), "y": range(40)})
    labels.to_csv(shell.folder / "l.csv", index=False)
    asked = ("models", "compare", "--predictions", "a.csv,b.csv", "--labels", "l.csv")
    asked = (*asked, "--key", "id")

    done = shell.mlproject(*asked)
    assert done.code == 0, done.err
    assert "Neither is surely better" in done.out
    assert "signature" not in done.out
    assert "not measured" not in done.out
    for option, value in (("--data", "a.csv"), ("--time-factor", "2"), ("--trust", "pickle")):
        done = shell.mlproject(*asked, option, value)
        assert done.code == 2, done.err
        assert f"{option} applies to models, and --predictions uses none" in done.error


def test_what_nothing_tells_is_not_passed() -> None:
    nothing = Seen("models:/m/2", None, "its run keeps no hashes of its rows")
    loose, strict = (
        decide(replace(comparison(0.5, 0.2, 0.8, **rules), seen=(nothing,)))
        for rules in ({}, {"require_unseen": True})
    )

    assert loose.passed
    assert loose.checks[-1].status == "not known"
    assert loose.as_dict()["checks"][-1]["status"] == "not known"
    assert "it is not known what the challenger was trained on" in loose.why
    assert not strict.passed
    assert "'require_unseen' asks for it" in strict.why
