"""The models that scoring and serving are measured with: one that takes no time, one that does."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def two_models(folder: Path, X: Any, y: Any) -> None:
    """Write the folders ``lasso`` and ``forest``, as MLflow saves models."""
    import mlflow
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import LassoLars
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models = {
        "lasso": make_pipeline(StandardScaler(), LassoLars(0.1)),
        "forest": RandomForestRegressor(100, random_state=0),
    }
    for name, model in models.items():
        model.fit(X, y)
        mlflow.sklearn.save_model(
            model,
            folder / name,
            serialization_format="skops",
            skops_trusted_types=["numpy.dtype", "sklearn.tree._tree.Tree"],
            signature=mlflow.models.infer_signature(X, model.predict(X)),
            input_example=X.head(3),
            pip_requirements=[],
        )
