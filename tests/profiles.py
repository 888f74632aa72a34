"""A profile beside a model that a test has saved, as training leaves one in the model's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from mlproject.drift import profile
from mlproject.drift.profile import Profile


def profile_of(X: pd.DataFrame, predictions: Any = None, *, labels: bool = False) -> Profile:
    answers = {} if predictions is None else {"prediction": pa.array(predictions)}
    return Profile(
        rows=len(X),
        features=profile.of_features(pa.Table.from_pandas(X, preserve_index=False)),
        predicted="training rows",
        predictions=profile.of_predictions(pa.table(answers), labels=labels),
    )


def put_beside(model: Path, known: Profile) -> None:
    folder = model / "extra_files"
    folder.mkdir(exist_ok=True)
    (folder / "profile.json").write_text(known.dumped(), encoding="utf-8")
