"""One way to open a model: what is loaded is what was hashed and trusted."""

from __future__ import annotations

import io
import json
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import skops.io
import yaml
from sklearn.ensemble import (
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression

from mlproject.base.errors import ModelError
from mlproject.models import artifact as artifacts
from mlproject.models import opening, skops_file
from mlproject.models.loaded import LoadedModel
from mlproject.models.trust import Policy
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve
from tests.conftest import Shell, saved

pytestmark = pytest.mark.filterwarnings("ignore")

X = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
CODE = """
from sklearn.base import BaseEstimator

WHO = {who!r}

class Constant(BaseEstimator):
    def fit(self, X, y=None):
        return self

    def predict(self, X):
        from {module}.later import NUMBER
        return [NUMBER] * len(X)
"""


def fitted(slope: float) -> LinearRegression:
    return LinearRegression().fit(X, X["a"] * slope)


def opened(folder: Path, policy: Policy) -> LoadedModel:
    with sessions.opened(resolve(None)) as session:
        return opening.open_model(str(folder), session, policy)


def trusted(folder: Path) -> Policy:
    """What a user would trust who has seen the message."""
    with pytest.raises(ModelError, match="is a pickle") as failure:
        opened(folder, Policy())
    text = failure.value.hint or ""
    return Policy(hashes=frozenset([text.partition("sha256:")[2][:64]]))


def file_of(folder: Path) -> Path:
    flavour = yaml.safe_load((folder / "MLmodel").read_text())["flavors"]["sklearn"]
    return folder / str(flavour["pickled_model"])


@pytest.fixture
def swapped(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, bytes], None]:
    """Lets somebody replace a file as soon as the folder has been read and hashed."""

    def swap(file: Path, content: bytes) -> None:
        read = artifacts.read

        def then_swapped(folder: Path, name: str) -> artifacts.Artifact:
            artifact = read(folder, name)
            file.write_bytes(content)
            return artifact

        monkeypatch.setattr(artifacts, "read", then_swapped)

    return swap


def with_code(folder: Path, who: str, number: int, module: str = "own_model") -> Path:
    """Save a model whose class stands in code beside it."""
    saved(folder, fitted(1.0), X)
    code = folder / "code" / module
    code.mkdir(parents=True)
    (code / "__init__.py").write_text(CODE.format(who=who, module=module))
    (code / "later.py").write_text(f"NUMBER = {number}\n")
    content = yaml.safe_load((folder / "MLmodel").read_text())
    content["flavors"]["sklearn"]["code"] = "code"
    (folder / "MLmodel").write_text(yaml.safe_dump(content))
    with forgotten(module):
        sys.path.insert(0, str(folder / "code"))
        try:
            constant = __import__(module).Constant().fit(X)
            file_of(folder).write_bytes(pickle.dumps(constant))
        finally:
            sys.path.pop(0)
    return folder


@contextmanager
def forgotten(module: str) -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        del sys.modules[name]


def test_a_pickle_that_is_swapped_after_it_was_hashed_is_not_loaded(
    tmp_path: Path, swapped: Callable[[Path, bytes], None]
) -> None:
    folder = saved(tmp_path / "model", fitted(2.0), X)
    policy = trusted(folder)
    swapped(file_of(folder), pickle.dumps(fitted(-5.0)))

    model = opened(folder, policy)
    assert model.predict(X).tolist() == pytest.approx([2.0, 4.0, 6.0])
    assert model.sha256 in policy.hashes
    with pytest.raises(ModelError, match="is a pickle"):
        opened(folder, policy)


def test_a_skops_file_that_is_swapped_after_it_was_judged_is_not_loaded(
    tmp_path: Path, swapped: Callable[[Path, bytes], None]
) -> None:
    folder = saved(tmp_path / "model", fitted(2.0), X, serialization_format="skops")
    swapped(file_of(folder), skops.io.dumps(fitted(-5.0)))

    assert opened(folder, Policy()).predict(X).tolist() == pytest.approx([2.0, 4.0, 6.0])


@pytest.mark.parametrize("name", ["__init__.py", "later.py"])
def test_code_that_is_swapped_after_it_was_hashed_is_not_run(
    tmp_path: Path, swapped: Callable[[Path, bytes], None], name: str
) -> None:
    folder = with_code(tmp_path / "model", "mine", 1)
    policy = trusted(folder)
    mark = tmp_path / "mark"
    swapped(folder / "code" / "own_model" / name, f"import os; os.mkdir({str(mark)!r})\n".encode())

    with forgotten("own_model"):
        assert opened(folder, policy).predict(X).tolist() == [1, 1, 1]
    assert not mark.exists()


def test_each_model_has_its_own_code_and_the_process_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = with_code(tmp_path / "first", "first", 1)
    second = with_code(tmp_path / "second", "second", 2)
    path = list(sys.path)
    with forgotten("own_model"):
        models = [opened(folder, Policy(pickles=True)) for folder in (first, second)]
        assert [type(model.estimator).predict.__globals__["WHO"] for model in models] == [
            "first",
            "second",
        ]
        assert models[0].predict(X).tolist() == [1, 1, 1]
    assert sys.path == path

    own = type(sys)("own_model")
    monkeypatch.setitem(sys.modules, "own_model", own)
    model = opened(second, Policy(pickles=True))
    assert type(model.estimator).predict.__globals__["WHO"] == "second"
    assert sys.modules["own_model"] is own


def test_what_python_leaves_in_a_folder_of_code_does_not_change_its_hash(tmp_path: Path) -> None:
    folder = with_code(tmp_path / "model", "mine", 1)
    before = trusted(folder)
    cache = folder / "code" / "own_model" / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "more.pyc").write_bytes(b"1")
    assert trusted(folder) == before
    (folder / "code" / "more.py").write_bytes(b"1")
    assert trusted(folder) != before


def test_a_loaded_model_says_where_it_comes_from_and_what_it_takes(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", fitted(2.0), X, serialization_format="skops")
    model = opened(folder, Policy())

    assert model.uri == str(folder)
    assert model.format == "skops"
    assert [feature.name for feature in model.schema.features] == ["a"]
    assert model.example is not None
    assert model.example["columns"] == ["a"]
    assert model.size == sum(item.stat().st_size for item in folder.rglob("*") if item.is_file())
    assert model.version is None
    assert model.notices == ()


def test_joblib_files_are_pickles_too(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", fitted(2.0), X)
    joblib.dump(fitted(3.0), file_of(folder))

    assert opened(folder, trusted(folder)).format == "pickle"


def test_another_version_of_scikit_learn_is_told(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", fitted(2.0), X)
    state: dict[str, Any] = fitted(2.0).__getstate__() | {"_sklearn_version": "0.1"}

    class Old(LinearRegression):
        def __reduce__(self) -> Any:
            return (LinearRegression, (), state)

    file_of(folder).write_bytes(pickle.dumps(Old()))
    (notice,) = opened(folder, Policy(pickles=True)).notices
    assert "its predictions may differ" in notice


def with_inputs(folder: Path, inputs: Any) -> Path:
    """Replace what the signature of a model says that it takes."""
    content = yaml.safe_load((folder / "MLmodel").read_text())
    content["signature"]["inputs"] = inputs if isinstance(inputs, str) else json.dumps(inputs)
    (folder / "MLmodel").write_text(yaml.safe_dump(content))
    return folder


def tensor(*shape: Any) -> list[Any]:
    spec = {"dtype": "float64", "shape": list(shape)}
    return [{"type": "tensor", "tensor-spec": spec}]


def columns(*names: str) -> list[Any]:
    return [{"name": name, "type": "double", "required": True} for name in names]


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        (tensor(-1, 10**12), r"has 1,000,000,000,000 columns, and a model can have 100,000"),
        (tensor(-1, 10**6), r"has 1,000,000 columns"),
        (tensor(-1, 50_000), r"takes 1 value a row, and its signature says 50,000"),
        (tensor(-1, -1), "cannot be used"),
        (tensor(-1, 0), "cannot be used"),
        (tensor(-1, 1.0), "cannot be used"),
        (tensor(-1, True), "cannot be used"),
        (tensor(-1, 1, 1), "cannot be used"),
        (tensor("a", 1), "cannot be used"),
        (tensor(-1), "cannot be used"),
        (columns("a", "b", "a"), "has two columns 'a'"),
        (columns(*(f"c{number}" for number in range(100_001))), "has 100,001 columns"),
        ("[" * 1_000_000, "cannot be used"),
        ('[{"name": "a", "type": "double", "more": ' + "9" * 1_000_000 + "}]", "cannot be used"),
    ],
    ids=lambda item: str(item)[:60],
)
def test_a_signature_that_no_model_has_is_refused_at_once(
    tmp_path: Path, inputs: Any, why: str
) -> None:
    folder = saved(tmp_path / "model", fitted(2.0), X, serialization_format="skops")
    with_inputs(folder, inputs)
    with pytest.raises(ModelError, match=why) as failure:
        opened(folder, Policy())
    assert len(str(failure.value)) < 600


def test_scoring_with_a_signature_of_absurd_width_ends_with_one_line(shell: Shell) -> None:
    folder = saved(shell.folder / "model", fitted(2.0), X, serialization_format="skops")
    with_inputs(folder, tensor(-1, 10**12))
    (shell.folder / "in.csv").write_text("a\n1\n")
    done = shell.score("--model", "model", "--input", "in.csv", "--output", "o.csv", "--no-track")

    assert done.code == 5
    assert "has 1,000,000,000,000 columns" in done.error


def test_a_file_whose_yaml_refers_to_itself_a_billion_times_is_read_in_no_time(
    tmp_path: Path,
) -> None:
    folder = saved(tmp_path / "model", fitted(2.0), X, serialization_format="skops")
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 9):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    text = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text("\n".join(lines) + "\n" + text + "run_id: *a8\n")

    assert opened(folder, Policy()).run_id is None


def deflated(estimator: Any, swap: Callable[[str, bytes], bytes] | None = None) -> bytes:
    """Return a skops file, deflated, with some of its members replaced."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator))) as archive,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        for name in archive.namelist():
            data = archive.read(name)
            changed.writestr(name, swap(name, data) if swap else data)
    return packed.getvalue()


def with_zeros(count: int) -> LinearRegression:
    model = fitted(2.0)
    model.coef_ = np.zeros(count)
    return model


def many_times(name: str, data: bytes) -> bytes:
    """Have a schema name one of its files again and again."""
    if name != "schema.json":
        return data
    schema = json.loads(data)
    attributes = schema["content"]["content"]
    for number in range(200):
        attributes[f"more{number}"] = attributes["coef_"] | {"__id__": number}
    return json.dumps(schema).encode()


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (lambda: deflated(with_zeros(12_000_000)), "91 MB"),
        (lambda: deflated(with_zeros(1_000_000), many_times), "1,5.. MB"),
    ],
    ids=["zeros", "one file, many times"],
)
def test_a_file_that_is_far_larger_unpacked_is_refused_before_it_is_unpacked(
    tmp_path: Path, data: Callable[[], bytes], size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(tmp_path / "model", fitted(2.0), X, serialization_format="skops")
    file_of(folder).write_bytes(data())
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(ModelError, match=f"it has {size} unpacked, and 0 MB packed") as failure:
        opened(folder, Policy())
    assert "--trust sha256:" in str(failure.value)


def test_an_archive_in_the_archive_is_measured_too() -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", bytes(80 << 20))
    model = fitted(2.0)
    model.coef_ = scipy.sparse.csr_matrix(np.ones((1, 1)))

    def swap(name: str, data: bytes) -> bytes:
        return inner.getvalue() if name.endswith(".npz") else data

    assert skops_file.foreign(deflated(model)) == []
    with pytest.raises(ValueError, match="it has 80 MB unpacked"):
        skops_file.foreign(deflated(model, swap))


def test_forests_that_were_deflated_are_loaded() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(3000, 5))
    forests = [
        RandomForestRegressor(100, random_state=0).fit(rows, np.zeros(3000)),
        RandomForestClassifier(30, random_state=0).fit(rows, random.integers(0, 30, 3000)),
        GradientBoostingRegressor(random_state=0).fit(rows, rows[:, 0]),
    ]
    for forest in forests:
        assert skops_file.foreign(deflated(forest)) == []
