"""What a run shows of itself: plots, a report, a model card, and advice."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import mlproject
from tests.conftest import Shell

MEGABYTE = 1_000_000


class _Links(HTMLParser):
    """Collects what a page asks for from elsewhere, and what it names."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.names: set[str] = set()
        self.without_text = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.asked += [found[name] or "" for name in ("src", "href") if name in found]
        self.names.add(found.get("id") or "")
        self.without_text += tag == "img" and not found.get("alt")


def folder_of(result: Any) -> Path:
    return Path("mlruns") / result.experiment_id / result.run_id / "artifacts"


def report_of(result: Any) -> str:
    return (folder_of(result) / "report.html").read_text(encoding="utf-8")


def advice_of(result: Any) -> list[str]:
    found = re.findall(r"<li><strong>(.*?)</strong>", report_of(result), re.DOTALL)
    return [html.unescape(text) for text in found]


@pytest.fixture
def fit(work: Path) -> Callable[..., Any]:
    """A function that fits into a FileStore of the test's own."""

    def fitted(search: Any, X: Any, y: Any, **options: Any) -> Any:
        return mlproject.fit(search, X, y, tracking="local", progress=False, **options)

    return fitted


def numbers(rows: int, columns: int = 3, seed: int = 0) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    return pd.DataFrame(values, columns=[f"x{n}" for n in range(columns)])


# The page


@pytest.mark.parametrize(
    ("recipe", "plots"),
    [
        (
            "diabetes-lassolars",
            {"predicted-against-actual", "residuals", "errors", "search-1", "search-cost"},
        ),
        (
            "iris-svc",
            {"confusion-matrix", "roc", "precision-recall", "calibration", "search-heat"},
        ),
    ],
)
def test_a_run_has_plots_and_a_page_that_needs_nothing_else(
    work: Path, recipe: str, plots: set[str]
) -> None:
    result = mlproject.train(recipe, tracking="local", progress=False)
    files = {path.stem for path in (folder_of(result) / "plots").glob("*.png")}
    assert files >= plots | {"importance"}
    page = report_of(result)
    assert len(page) < MEGABYTE
    links = _Links()
    links.feed(page)
    assert links.without_text == 0
    inner = {link.removeprefix("#") for link in links.asked if link.startswith("#")}
    assert inner and inner <= links.names
    pictures = [link for link in links.asked if not link.startswith("#")]
    assert len(pictures) == len(files)
    for picture in pictures:
        kind, _, content = picture.partition(",")
        assert kind == "data:image/svg+xml;base64"
        drawn = ET.fromstring(b64decode(content))  # noqa: S314 - our own
        assert "#010203" not in ET.tostring(drawn, encoding="unicode")


def test_the_numbers_of_a_page_are_those_of_the_run_and_of_scikit_learn(
    fit: Callable[..., Any], client: Callable[[str], Any]
) -> None:
    X = numbers(300)
    y = X["x0"] * 3 + np.random.default_rng(1).normal(size=300)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1, 10]}, scoring="neg_root_mean_squared_error")
    result = fit(search, X_train, y_train, X_test=X_test, y_test=y_test)
    ours = root_mean_squared_error(y_test, search.predict(X_test))
    run = client(result.tracking_uri).get_run(result.run_id)
    assert run.data.metrics["rmse"] == pytest.approx(ours)
    page = report_of(result)
    assert f'rmse (chose the model)</th><td class="n">{ours:.4g}</td>' in page
    means = -search.cv_results_["mean_test_score"]
    best_first = [f"{means[number]:.6g}" for number in np.argsort(means)]
    table = page[page.index('id="candidates"') : page.index('id="data"')]
    found = re.findall(r'<td class="t">.*?</td><td class="n">(.*?)</td>', table)
    assert found == best_first
    card = next(Path("mlruns").glob("*/models/*/artifacts/extra_files/model_card.md"))
    assert f"| rmse | {ours:.4g} |" in card.read_text(encoding="utf-8")


def test_what_a_user_has_named_is_shown_as_it_stands(fit: Callable[..., Any]) -> None:
    X = numbers(120).set_axis(["a$x$b", "<b>bold</b>", "c|d"], axis=1)
    y = np.where(X["a$x$b"] > 0, "<i>yes</i>", "$no$")
    result = fit(LogisticRegression(), X, y)
    page = report_of(result)
    assert "<b>bold" not in page
    assert "<i>yes" not in page
    assert html.escape("<b>bold</b>") in page
    assert (folder_of(result) / "plots" / "importance.png").is_file()


@pytest.mark.parametrize("way", ["recipe", "option"])
def test_a_report_can_be_left_out(shell: Shell, way: str) -> None:
    recipe = shell.folder / "mine.yaml"
    recipe.write_text(
        "name: mine\ntask: regression\ndata: {source: 'sklearn:diabetes', target: target}\n"
        "pipeline: [{model: Ridge}]\nsearch: {kind: none}\n"
        + ("report: false\n" if way == "recipe" else "")
    )
    done = shell.train("mine.yaml", *(["--no-report"] if way == "option" else []), "--json")
    assert done.code == 0, done.err
    names = {path.name for path in shell.folder.glob("mlruns/**/*")}
    assert "MLmodel" in names
    assert not names & {"report.html", "plots", "model_card.md"}


class Unanswering(LogisticRegression):
    """A model whose probabilities cannot be had."""

    def predict_proba(self, X: Any) -> Any:
        raise RuntimeError("no probabilities today")


def test_a_plot_that_cannot_be_drawn_costs_neither_the_others_nor_the_run(
    fit: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    X = numbers(120)
    search = GridSearchCV(Unanswering(), {"C": [0.1, 1]}, scoring="accuracy")
    result = fit(search, X, X["x0"] > 0, metrics=["accuracy"])
    assert result.status == "FINISHED"
    assert (
        "Warning: The plot 'roc' and 2 more could not be drawn: RuntimeError: no probabilities"
    ) in capsys.readouterr().err
    assert (folder_of(result) / "plots" / "search-1.png").is_file()
    assert "confusion-matrix" in {path.stem for path in (folder_of(result) / "plots").iterdir()}


def test_a_learning_curve_on_request_ends_at_the_cross_validated_score(
    fit: Callable[..., Any],
) -> None:
    X = numbers(200)
    y = X["x0"] + np.random.default_rng(1).normal(size=200)
    search = GridSearchCV(Ridge(), {"alpha": [1.0]}, scoring="neg_root_mean_squared_error")
    result = fit(search, X, y, learning_curve=True)
    assert (folder_of(result) / "plots" / "learning-curve.png").is_file()
    words = re.search(
        r"Cross-validated rmse goes from [\d.]+ with 12 rows to ([\d.]+) with 128\.",
        report_of(result),
    )
    assert words is not None
    assert float(words[1]) == pytest.approx(-search.best_score_, abs=1e-3)


def test_a_learning_curve_of_one_point_is_left_out_and_nothing_else_is_said(shell: Shell) -> None:
    rows = pd.DataFrame(np.random.default_rng(0).random((40, 2)), columns=["a", "b"])
    rows.assign(c=[f"k{number % 20}" for number in range(40)]).to_csv(shell.folder / "many.csv")
    done = shell.train("--data", "many.csv", "--target", "c", "--learning-curve")

    assert done.code == 0, done.err
    assert re.search(
        r"^Warning: The learning curve is left out: log_loss is defined with \d+ rows alone, and a "
        r"curve needs two points$",
        done.err,
        re.MULTILINE,
    ), done.err
    assert "UserWarning" not in done.err
    assert not list(shell.folder.glob("mlruns/**/learning-curve.png"))


def test_a_learning_curve_without_a_report_is_told(shell: Shell) -> None:
    done = shell.train("iris-svc", "--learning-curve", "--no-report")
    assert done.code == 2
    assert done.error == (
        "Error: The learning curve is drawn in the report, which is left out. Leave out one of "
        "--learning-curve and --no-report, or 'report: false'."
    )


def test_a_parameter_that_other_grids_do_not_search_is_not_none_there(
    fit: Callable[..., Any],
) -> None:
    X = numbers(120)
    grids = [{"kernel": ["rbf"], "gamma": [0.1, 1.0]}, {"kernel": ["linear"]}]
    page = report_of(fit(GridSearchCV(SVR(), grids), X, X["x0"] * 2))

    assert "at each of 2 values of gamma" in page
    assert "The winner is of another grid." in page
    assert "None" not in page[page.index('id="plots"') : page.index('id="data"')]


# Advice


def test_advice_names_a_best_value_at_the_edge_of_the_grid(fit: Callable[..., Any]) -> None:
    X = numbers(200)
    y = X["x0"] * 3 + np.random.default_rng(1).normal(size=200)
    grid = {"alpha": [1000.0, 3000.0, 10000.0]}
    assert "The best alpha is the smallest that was tried, 1000." in advice_of(
        fit(GridSearchCV(Ridge(), grid), X, y)
    )
    inner = {"alpha": [1e-6, 1.0, 10000.0]}
    assert not [
        text for text in advice_of(fit(GridSearchCV(Ridge(), inner), X, y)) if "best" in text
    ]


def test_advice_tells_folds_that_differ_by_more_than_half_of_what_a_model_gains(
    fit: Callable[..., Any],
) -> None:
    X = numbers(120)
    noise = np.random.default_rng(1).normal(size=120)
    little = advice_of(fit(GridSearchCV(Ridge(), {"alpha": [1.0]}), X, X["x0"] * 0.4 + noise))
    lost = advice_of(
        fit(
            GridSearchCV(DecisionTreeRegressor(random_state=0), {"min_samples_leaf": [1]}), X, noise
        )
    )
    assert any(text.startswith("The folds disagree") for text in little)
    assert not any(text.startswith("The folds disagree") for text in lost)


def test_advice_tells_a_model_that_knows_its_rows_by_heart(fit: Callable[..., Any]) -> None:
    X = numbers(400, 6)
    y = X["x0"] + np.random.default_rng(1).normal(size=400)
    deep = advice_of(fit(DecisionTreeRegressor(random_state=0), X, y))
    flat = advice_of(fit(DecisionTreeRegressor(max_depth=2, random_state=0), X, y))
    assert any("on the training rows and" in text for text in deep)
    assert not any("on the training rows and" in text for text in flat)


def test_advice_tells_a_model_by_heart_that_is_worse_than_a_dummy_elsewhere(
    fit: Callable[..., Any],
) -> None:
    X = numbers(400, 6)
    y = np.where(np.random.default_rng(1).normal(size=400) > 0, "yes", "no")
    tree = DecisionTreeClassifier(random_state=0)
    found = advice_of(fit(GridSearchCV(tree, {"max_depth": [None]}, scoring="neg_log_loss"), X, y))
    assert any("on the training rows and" in text for text in found)


def test_advice_prefers_a_linear_model_where_nothing_is_gained(fit: Callable[..., Any]) -> None:
    X = numbers(400)
    noise = np.random.default_rng(1).normal(size=400)
    forest = RandomForestRegressor(50, random_state=0)
    straight = advice_of(fit(forest, X, X["x0"] + noise))
    bent = advice_of(fit(forest, X, 9 * (X["x0"] > 0) * (X["x1"] > 0) + noise))
    assert any(text.startswith("A plain linear model is no worse") for text in straight)
    assert not any("linear" in text for text in bent)


def test_advice_counts_rows_on_both_sides_of_the_split(fit: Callable[..., Any]) -> None:
    X = numbers(150)
    twice = pd.concat([X, X], ignore_index=True)
    result = fit(Ridge(), twice, twice["x0"] * 2 + twice["x1"])
    (found,) = (text for text in advice_of(result) if "features of a training row" in text)
    assert int(found.split()[0]) > 30
    clean = fit(Ridge(), X, X["x0"] * 2 + X["x1"])
    assert not any("features of a training row" in text for text in advice_of(clean))


def test_advice_names_columns_that_say_nothing_or_the_same(fit: Callable[..., Any]) -> None:
    X = numbers(300).assign(same=lambda frame: frame["x0"], flat=1.0)
    found = advice_of(fit(Ridge(), X, X["x0"] + X["x1"]))
    assert "Column 'flat' has the same value in every training row." in found
    assert "The columns 'x0' and 'same' have the same values." in found


def test_advice_names_rare_classes_and_a_metric_that_misleads(fit: Callable[..., Any]) -> None:
    X = numbers(600)
    order = np.argsort(X["x0"].to_numpy())
    y = np.full(600, "common", dtype=object)
    y[order[:8]] = "rare"
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, scoring="accuracy", cv=2)
    found = advice_of(fit(search, X, y))
    assert any(text.startswith("Rare classes: rare (") for text in found)
    assert any(text.startswith("99% of the rows are of one class, and accuracy") for text in found)
    even = advice_of(fit(search, X, np.where(X["x0"] > 0, "yes", "no")))
    assert not any("class" in text for text in even)


def test_advice_says_when_nothing_was_learnt(fit: Callable[..., Any]) -> None:
    X = numbers(200)
    y = np.random.default_rng(5).integers(0, 2, 200)
    search = GridSearchCV(DummyClassifier(), {"strategy": ["prior"]}, scoring="accuracy")
    found = advice_of(fit(search, X, y))
    assert any(text.startswith("The model is not shown to be better") for text in found)
