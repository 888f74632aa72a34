"""The notebooks run from their first cell to their last, in a folder of a new user."""

from __future__ import annotations

import os
from pathlib import Path

import nbclient
import nbformat
import pytest

from tests.conftest import ROOT, new_environment

FOLDER = ROOT / "notebooks"


def run(name: str, folder: Path) -> str:
    """Run a notebook with its folder as the current one, and return what its cells have shown."""
    book = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(
        book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    texts = [item.get("text") or item["data"]["text/plain"] for item in outputs]
    return "\n".join(texts)


def test_the_notebooks_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in os.environ.keys() - new_environment(tmp_path / "home").keys():
        monkeypatch.delenv(name)
    for name, value in new_environment(tmp_path / "kernel").items():
        monkeypatch.setenv(name, value)
    trained = run("training", tmp_path)
    scored = run("inference", tmp_path)

    assert "champion: version None -> 1" in trained
    assert "442 rows: 441 scored, 1 rejected" in scored
    assert (tmp_path / "scored.parquet").is_file()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.name)
def test_no_output_of_a_notebook_is_committed(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell for cell in cells if cell.outputs or cell.execution_count] == []
