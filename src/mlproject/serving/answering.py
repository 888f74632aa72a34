"""From the body of a request to predictions and rejects, by the code that scores files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from inference.rows import RowScorer
from inference.scorer import Scorer, Scores
from mlproject.base.errors import DataError, ModelError
from mlproject.base.finite import finite
from mlproject.data import formats
from mlproject.data.batches import FEATURE, Selection, batched
from mlproject.data.schema import Feature
from mlproject.data.source import SourceFile
from mlproject.data.types import Misfit, from_json
from mlproject.models.loaded import LoadedModel
from mlproject.models.predictions import PREDICTION
from mlproject.serving.bodies import WHERE, JsonRows, of_azure, of_mlflow
from mlproject.serving.plain import PlainFrames

JSON, CSV = "application/json", "text/csv"
# How many orders of columns are remembered.
_ORDERS = 64


@dataclass(frozen=True)
class Answer:
    """What a request is answered with: JSON."""

    status: int
    content: bytes

    @classmethod
    def of(cls, status: int, content: Any) -> Answer:
        try:
            text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        except ValueError:
            text = json.dumps(finite(content), ensure_ascii=False)
        return cls(status, text.encode(errors="replace"))

    @classmethod
    def error(cls, status: int, message: str, **more: Any) -> Answer:
        code = "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR"
        return cls.of(status, {"error_code": code, "message": message, **more})


class Answerer:
    """Answers requests with one model.

    A request that does not fit the signature is answered with 400. Of one that fits, each row has a
    prediction, or a reason why it has none.
    """

    def __init__(self, model: LoadedModel, method: str) -> None:
        self.model = model
        self.scorer = Scorer(model, method)
        self._order = lru_cache(_ORDERS)(self._order_of)

    @property
    def can_be_joined(self) -> bool:
        """Whether rows may be asked together with those of other requests.

        A row's prediction does not depend on the others, not even in its last digit.
        """
        return self.scorer.is_row_by_row

    def azure(self, body: bytes) -> Answer:
        """Answer in the format of Azure ML's no-code server: a list of predictions.

        Where rows are rejected, which that server does not do, it is an object with ``predictions``
        and ``rejects``.
        """
        return _guarded(lambda: as_azure(self.scores(of_azure(body, self.model.schema))))

    def mlflow(self, body: bytes) -> Answer:
        """Answer as ``mlflow models serve`` does: an object with ``predictions``."""
        return _guarded(lambda: as_mlflow(self.scores(of_mlflow(body, self.model.schema))))

    def csv(self, body: bytes) -> Answer:
        """Answer the same to CSV, which is read as a file of the same bytes is."""
        return _guarded(lambda: as_mlflow(self._scores_of_csv(body)))

    def scores(self, given: JsonRows) -> Scored:
        """Score rows of JSON. DataError when a column is missing."""
        return self.together([given])[0]

    def together(self, requests: Sequence[JsonRows]) -> list[Scored]:
        """Score the rows of requests that have the same columns."""
        features, plain, picked = self._order(requests[0].columns)
        rows = [row for item in requests for row in item.rows]
        counts = [len(item.rows) for item in requests]
        split = partial(_split, counts=counts, indices=[item.index for item in requests])
        size = self.scorer.rows_at_once()
        if len(rows) <= min(size, self.scorer.one_call):
            ordered = rows if picked is None else [[row[i] for i in picked] for row in rows]
            frame = plain.frame(ordered)
            if frame is not None:
                return split(self.scorer.of_frame(frame))
        scorer, columns = RowScorer(self.scorer, features), requests[0].columns
        pieces = [
            (start, scorer.piece(_table(columns, rows[start : start + size], features)))
            for start in range(0, len(rows), size)
        ]
        return split(self.scorer.joined(pieces))

    def _order_of(
        self, columns: tuple[str, ...]
    ) -> tuple[tuple[Feature, ...], PlainFrames, list[int] | None]:
        """Return the features, what makes frames of them, and where they stand in a row."""
        schema = self.model.schema
        features = schema.matched(columns, WHERE)
        known = [feature for feature in features if feature.name in columns]
        places = [columns.index(feature.name) for feature in known]
        plain = PlainFrames(features if len(known) == len(features) else ())
        return features, plain, None if places == list(range(len(columns))) else places

    def _scores_of_csv(self, body: bytes) -> Scored:
        schema = self.model.schema
        with tempfile.TemporaryDirectory(prefix="mlproject-") as folder:
            path = Path(folder) / "rows.csv"
            path.write_bytes(body)
            item = SourceFile(str(path), WHERE, "csv", compressed=False)
            file = formats.opened(item, whole=False, hints=schema.hints())
            features = schema.matched(file.columns, WHERE)
            selection = Selection(features, pa.schema([]), verbatim=False, raw=False)
            made, rejects, count = [], [], 0
            parsed = (task() for task in file.tasks(selection))
            for batch in batched(parsed, self.scorer.rows_at_once()):
                scores = self.scorer(batch.columns(FEATURE), batch.places, batch.count)
                made.append((count, Scores(scores.predictions, [])))
                rejects += [Misfit(r.ordinal, r.column, r.reason) for r in batch.rejects]
                rejects += [
                    Misfit(batch.origin(r.row)[0], r.column, r.reason) for r in scores.rejects
                ]
                count += batch.count
        rejects.sort(key=lambda item: item.row)
        return Scored(self.scorer.joined(made).predictions, tuple(rejects), count)


@dataclass(frozen=True)
class Scored:
    """Rows of one request: predictions of those that were scored, and why the others were not.

    Attributes
    ----------
    index : sequence or None
        What the sender calls the rows.
    """

    predictions: pa.Table
    rejects: tuple[Misfit, ...]
    count: int
    index: Sequence[Any] | None = None

    @property
    def listed(self) -> list[Any]:
        """A prediction for each row, null for a reject: a value, or an object of several."""
        made: list[Any]
        if self.predictions.column_names == [PREDICTION]:
            made = self.predictions.column(0).to_pylist()
        else:
            made = self.predictions.to_pylist()
        if not self.rejects:
            return made
        refused, left = {item.row for item in self.rejects}, iter(made)
        return [None if row in refused else next(left) for row in range(self.count)]

    @property
    def told(self) -> list[dict[str, Any]]:
        if self.index is None:
            return [vars(item) for item in self.rejects]
        return [{**vars(item), "index": self.index[item.row]} for item in self.rejects]


def as_azure(scored: Scored) -> Answer:
    refusal = _refusal(scored)
    if refusal is not None or not scored.rejects:
        return refusal or Answer.of(200, scored.listed)
    return Answer.of(200, {"predictions": scored.listed, "rejects": scored.told})


def as_mlflow(scored: Scored) -> Answer:
    refusal = _refusal(scored)
    if refusal is not None:
        return refusal
    content: Mapping[str, Any] = {"predictions": scored.listed}
    return Answer.of(200, {**content, "rejects": scored.told} if scored.rejects else content)


def _refusal(scored: Scored) -> Answer | None:
    """Return the answer to a request of which no row fits; None where any does."""
    if not scored.rejects or len(scored.rejects) < scored.count:
        return None
    one = "The row cannot be scored"
    many = f"None of the {scored.count:,} rows can be scored; the first one"
    message = f"{one if scored.count == 1 else many}: {scored.rejects[0].message}"
    return Answer.error(400, message, rejects=scored.told)


def _guarded(answer: Callable[[], Answer]) -> Answer:
    try:
        return answer()
    except DataError as error:
        return Answer.error(400, str(error))
    except ModelError as error:
        return Answer.error(500, str(error))


def _split(
    scores: Scores, counts: Sequence[int], indices: Sequence[Sequence[Any] | None]
) -> list[Scored]:
    """Return the scores of each request."""
    if len(counts) == 1:
        return [Scored(scores.predictions, tuple(scores.rejects), counts[0], indices[0])]
    parts, row, place, waiting = [], 0, 0, list(scores.rejects)
    for count, index in zip(counts, indices, strict=True):
        own = []
        while waiting and waiting[0].row < row + count:
            item = waiting.pop(0)
            own.append(Misfit(item.row - row, item.column, item.reason))
        scored = count - len(own)
        parts.append(Scored(scores.predictions.slice(place, scored), tuple(own), count, index))
        row, place = row + count, place + scored
    return parts


def _table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], features: Sequence[Feature]
) -> pa.Table:
    """Return the columns that are features; of rows alone, one without values."""
    places = {name: place for place, name in enumerate(columns)}
    made = {
        feature.name: from_json([row[places[feature.name]] for row in rows], feature.type)
        for feature in features
        if feature.name in places
    }
    return pa.table(made or {"": pa.nulls(len(rows))})
