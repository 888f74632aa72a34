"""A script as users write it: ``make types`` checks it strictly, and a test runs it."""

from __future__ import annotations

import pandas as pd
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import mlproject


def main() -> None:
    frame: pd.DataFrame
    X, y = load_iris(return_X_y=True, as_frame=True)
    search = GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0]})
    own: mlproject.TrainResult = mlproject.fit(search, X, y, experiment="iris", register="own")
    best: float = own.metrics["cv_accuracy"]
    assert 0.9 < best <= 1.0

    trained = mlproject.train("iris-svc", params={"model__C": [1, 10]}, register="iris")
    X.to_csv("new.csv", index=False)
    scored: mlproject.ScoreResult = mlproject.score(trained, "new.csv", "scored.parquet")
    frame, rejects = mlproject.predict("models:/iris/1", X)
    assert scored.rows_out == len(frame) == 150
    assert rejects.empty

    decision: mlproject.PromotionResult = mlproject.promote("iris", floor=0.5)
    assert decision.after == 1
    try:
        mlproject.promote("iris", version=1, to="other", floor=1.1)
    except mlproject.GateError as error:
        assert error.exit_code == 6


if __name__ == "__main__":
    main()
