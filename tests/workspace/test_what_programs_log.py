"""Figures, tables, texts and pictures that a program logs, on every kind of target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.workspace.conftest import URI


@pytest.fixture(params=["FileStore", "SQLite", "server", "workspace"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "FileStore":
        return (tmp_path / "mlruns").as_uri()
    if request.param == "SQLite":
        return f"sqlite:///{(tmp_path / 'mlflow.db').as_posix()}"
    if request.param == "server":
        return str(request.getfixturevalue("server"))
    request.getfixturevalue("azureml_workspace")
    return URI


def test_what_a_program_logs_is_read_back_as_it_was(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from matplotlib.figure import Figure

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(target)
    try:
        mlflow.set_experiment(f"drawn-{tmp_path.name}")
        with mlflow.start_run() as run:
            figure = Figure()
            figure.add_subplot().plot([1, 2, 3])
            mlflow.log_figure(figure, "plots/line.png")
            mlflow.log_figure(figure, "plots/line.svg")
            for row in range(3):  # each adds to what is there
                mlflow.log_table({"row": [row], "name": ["é"]}, "rows.json")
            mlflow.log_text("<p>Grüße</p>", "page.html")
            mlflow.log_dict({"a": [1, 2]}, "what.yaml")
            mlflow.log_image(np.zeros((4, 6, 3), dtype=np.uint8), "black.png")
            mlflow.log_image(np.full((4, 6, 3), 255, dtype=np.uint8), key="white", step=1)
        run_id = run.info.run_id
        folder = Path(mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=str(tmp_path)))
        table = mlflow.load_table("rows.json", run_ids=[run_id])
        listed = _listed(mlflow.MlflowClient(), run_id)
    finally:
        mlflow.set_tracking_uri(before)

    assert (folder / "plots" / "line.png").read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in (folder / "plots" / "line.svg").read_text()
    assert table["row"].tolist() == [0, 1, 2]
    assert set(table["name"]) == {"é"}
    assert (folder / "page.html").read_text(encoding="utf-8") == "<p>Grüße</p>"
    assert yaml.safe_load((folder / "what.yaml").read_text()) == {"a": [1, 2]}
    assert {"black.png", "page.html", "plots/line.png", "rows.json", "what.yaml"} <= listed
    assert any(path.startswith("images/white") for path in listed)


def _listed(client: Any, run_id: str, folder: str | None = None) -> set[str]:
    found: set[str] = set()
    for item in client.list_artifacts(run_id, folder):
        found |= _listed(client, run_id, item.path) if item.is_dir else {item.path}
    return found
