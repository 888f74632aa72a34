"""What a caller may write for one thing, as requests have it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from os import PathLike
from typing import Any

from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError
from mlproject.tracking.target import resolve
from training.request import TrainResult


def found(model: str | TrainResult, tracking: str | PathLike[str] | None) -> tuple[str, str | None]:
    """Return a model's URI, and the target that it is looked for in: a result knows its own."""
    if isinstance(model, str):
        return model, text(tracking)
    if tracking is None and resolve(None).printable == model.tracking_uri:
        return model.model_uri, None  # whose address may have a password, which the result has not
    return model.model_uri, text(tracking) or model.tracking_uri


def several(values: Any) -> Any:
    """Return one text as a list of it, and anything else as it is."""
    return [values] if isinstance(values, str) else values


def text(value: str | PathLike[str] | None) -> str | None:
    if value is not None and not isinstance(value, (str, PathLike)):
        raise ConfigurationError(
            f"A text or a path is expected, not {type(value).__name__}",
            "For rows in memory use mlproject.fit or mlproject.predict",
        )
    return None if value is None else str(value)


def other_frame(wanted: str, given: object) -> ConfigurationError:
    """Return the error for what is no frame of a cluster."""
    package, name = type(given).__module__.partition(".")[0], type(given).__name__
    return ConfigurationError(
        f"A {wanted} data frame is expected, not {package}.{name}",
        "For a pandas frame use mlproject.predict; for files, mlproject.score",
    )


def names(columns: Sequence[str]) -> str:
    """Return names as ``--keep`` takes them: one with a comma stands in quotes."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(columns)
    return line.getvalue()


def reporter(progress: bool | None) -> Reporter:
    """Return what shows progress: by default only where somebody sees it move."""
    reporter = Reporter()
    reporter.quiet = not (reporter.is_watched if progress is None else progress)
    return reporter
