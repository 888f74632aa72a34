"""Plots of a model's answers on the held-out rows, by scikit-learn's own displays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    PrecisionRecallDisplay,
    PredictionErrorDisplay,
    RocCurveDisplay,
)

from mlproject.base.counting import counted
from mlproject.pages.drawing import BLUE, COLOURS, GREY, Drawing, plain, sheet

Array = NDArray[Any]
# The names of the plots, in the order in which they are drawn.
OF_NUMBERS = ["predicted-against-actual", "residuals", "errors"]
OF_RANKS, CALIBRATION = ["roc", "precision-recall"], "calibration"
# More points than that say no more, and make the page heavy.
_MOST_POINTS = 1000
# Points of an SVG that are drawn one by one; beyond that as a picture.
_MOST_SHAPES = 300
_MOST_CURVES = len(COLOURS)
_MOST_CLASSES = 30
_BINS = 10


def regression(y: Array, predicted: Array, seed: int) -> Iterator[Drawing]:
    """Yield predicted against actual, the residuals, and how the errors are distributed.

    Parameters
    ----------
    y, predicted : array of shape (n_rows,)
    """
    y, predicted = np.asarray(y, dtype=float), np.asarray(predicted, dtype=float)
    kinds = [
        ("actual_vs_predicted", "Predicted against actual"),
        ("residual_vs_predicted", "Residuals"),
    ]
    for name, (kind, title) in zip(OF_NUMBERS, kinds, strict=False):
        with sheet(name, title) as drawn:
            PredictionErrorDisplay.from_predictions(
                y,
                predicted,
                kind=kind,
                subsample=_MOST_POINTS,
                random_state=seed,
                ax=drawn.axes,
                scatter_kwargs={
                    "alpha": 0.6,
                    "color": BLUE,
                    "edgecolors": "none",
                    "rasterized": len(y) > _MOST_SHAPES,
                },
                line_kwargs={"color": GREY},
            )
            drawn.axes.grid(visible=True)
            yield drawn.drawing(f"{title}, a point for each of {len(y)} held-out rows.")
    errors = predicted - y
    with sheet(OF_NUMBERS[-1], "Error distribution") as drawn:
        drawn.axes.hist(errors, bins="auto" if len(y) < _MOST_POINTS else 50, color=BLUE)
        drawn.axes.axvline(0, color=GREY, linestyle="--")
        drawn.axes.set(xlabel="Predicted - actual", ylabel="Held-out rows")
        low, middle, high = np.quantile(errors, [0.1, 0.5, 0.9])
        yield drawn.drawing(
            f"Histogram of predicted minus actual. The median is {middle:.3g}; eight of ten "
            f"errors lie between {low:.3g} and {high:.3g}."
        )


def confusion(y: Array, predicted: Array) -> Iterator[Drawing]:
    """Yield the confusion matrix, where there are not too many classes for it."""
    known = sorted({*np.unique(y).tolist(), *np.unique(predicted).tolist()}, key=str)
    if len(known) <= _MOST_CLASSES:
        yield _confusion(y, predicted, known)


def curves(y: Array, classes: Array, scores: Array, *, probabilities: bool) -> Iterator[Drawing]:
    """Yield ROC and precision-recall curves, and of probabilities how well they are calibrated.

    Parameters
    ----------
    y : array of shape (n_rows,)
    classes : array of shape (n_classes,)
        In the order of the columns of ``scores``.
    scores : array of shape (n_rows, n_classes), or of (n_rows,) for the second of two classes
        Probabilities, or whatever the model ranks by.
    """
    shown = _one_against_rest(np.asarray(y), classes, scores)
    if not shown:
        return
    displays: list[tuple[str, Any]] = [
        ("ROC curve", RocCurveDisplay),
        ("Precision and recall", PrecisionRecallDisplay),
    ]
    for name, (title, display) in zip(OF_RANKS, displays, strict=True):
        with sheet(name, title) as drawn:
            for (label, truth, score), colour in zip(shown, COLOURS, strict=False):
                display.from_predictions(
                    truth, score, name=plain(label), ax=drawn.axes, curve_kwargs={"color": colour}
                )
            _finish(drawn.axes, len(shown))
            yield drawn.drawing(f"{title} on {len(y)} held-out rows, {_whose(shown)}.")
    if probabilities:
        with sheet(CALIBRATION, "Calibration") as drawn:
            for (label, truth, score), colour in zip(shown, COLOURS, strict=False):
                CalibrationDisplay.from_predictions(
                    truth,
                    score,
                    n_bins=_BINS,
                    strategy="quantile",
                    name=plain(label),
                    ax=drawn.axes,
                    color=colour,
                )
            _finish(drawn.axes, len(shown))
            for line in drawn.axes.lines[:1]:  # the diagonal, black otherwise
                line.set_color(GREY)
            drawn.axes.legend(fontsize=8)
            drawn.axes.set(xlabel="Predicted probability", ylabel="Share of rows of the class")
            yield drawn.drawing(
                f"How often each class was right, by its predicted probability, {_whose(shown)}; "
                "a well-calibrated model follows the diagonal."
            )


def _confusion(y: Array, predicted: Array, known: list[Any]) -> Drawing:
    side = float(np.clip(2.4 + 0.32 * len(known), 3.6, 9))
    with sheet("confusion-matrix", "Confusion matrix", size=(side + 0.8, side)) as drawn:
        display = ConfusionMatrixDisplay.from_predictions(
            y,
            predicted,
            labels=known,
            display_labels=[plain(label) for label in known],
            ax=drawn.axes,
            cmap="cividis",
            colorbar=False,
            include_values=len(known) <= _MOST_CLASSES // 2,
            xticks_rotation="vertical" if len(known) > _MOST_CURVES else "horizontal",
        )
        right = int(np.trace(display.confusion_matrix))
        return drawn.drawing(
            f"Confusion matrix of {counted(len(known), 'class')}: {right} of "
            f"{counted(len(y), 'held-out row')} are "
            "on the diagonal."
        )


def _one_against_rest(y: Array, classes: Array, scores: Array) -> list[tuple[str, Array, Array]]:
    """Return label, truth and score of the curve of each class that has rows, the largest first."""
    if len(classes) == 2:
        score = scores if scores.ndim == 1 else scores[:, 1]
        truth = y == classes[1]
        return [(str(classes[1]), truth, score)] if 0 < truth.sum() < len(y) else []
    if scores.ndim != 2 or scores.shape[1] != len(classes):
        return []
    counted = sorted(((int((y == label).sum()), -n) for n, label in enumerate(classes)))[::-1]
    found = []
    for count, number in counted[:_MOST_CURVES]:
        if 0 < count < len(y):
            found.append((str(classes[-number]), y == classes[-number], scores[:, -number]))
    return found


def _whose(curves: list[tuple[str, Array, Array]]) -> str:
    if len(curves) == 1:
        return f"of the class {curves[0][0]}"
    return f"one curve for each of {counted(len(curves), 'class')} against the rest"


def _finish(axes: Any, curves: int) -> None:
    axes.grid(visible=True)
    axes.set(xlabel=axes.get_xlabel().split(" (")[0], ylabel=axes.get_ylabel().split(" (")[0])
    if curves > 1:
        axes.legend(fontsize=8)
