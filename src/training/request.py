"""What is asked of training, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Annotated, Any, Literal

from mlproject.base.options import (
    Argument,
    BetweenThousands,
    DecimalPoint,
    Delimiter,
    Option,
    Options,
    Tracking,
    jobs,
)
from mlproject.data.dialects import DialectOptions, checked

Data = Annotated[
    str | None,
    Option(
        "File, glob, folder or URL of CSV, Parquet or JSON Lines (also .gz), data of an Azure ML "
        "workspace (azureml:NAME, azureml://datastores/...), or sklearn:NAME.",
        metavar="SOURCE",
    ),
]
Target = Annotated[str | None, Option("Column to predict.", metavar="COLUMN")]
Parameters = Annotated[
    Sequence[str] | Mapping[str, Any],
    Option(
        "NAME=V fixes a pipeline parameter, NAME=V,V makes it an axis of the search; semicolons "
        "separate several.",
        metavar="NAME=V[,V…]",
        flag="--param",
    ),
]


@dataclass(frozen=True)
class TrainRequest(Options):
    """What a training run is asked for with; None is not given."""

    recipe: Annotated[
        str | None,
        Argument(
            "Name of a recipe, or path of a YAML file; by default diabetes-lassolars or, with "
            "data and target, a recipe derived from them."
        ),
    ] = None
    data: Data = None
    target: Target = None
    task: Annotated[
        Literal["regression", "classification"] | None,
        Option("Task; by default the recipe's, or derived from the target's values."),
    ] = None
    drop: Annotated[
        Sequence[str],
        Option("Columns to leave out.", metavar="COLUMN[,COLUMN…]", separator=","),
    ] = ()
    group_by: Annotated[
        str | None,
        Option("Column whose equal values stay together when rows are split.", metavar="COLUMN"),
    ] = None
    folds: Annotated[
        int | None, Option("Folds of cross-validation.", minimum=2, expected="2 folds or more")
    ] = None
    test_size: Annotated[
        float | None,
        Option("Share of the rows that is held out.", expected="a share between 0 and 1"),
    ] = None
    missing_target: Annotated[
        Literal["fail", "drop"] | None,
        Option("What to do with rows without a target."),
    ] = None
    encoding: Annotated[
        str | None, Option("Encoding of the text; detected by default.", metavar="NAME")
    ] = None
    delimiter: Delimiter = None
    decimal: DecimalPoint = None
    thousands: BetweenThousands = None
    budget: Annotated[
        str | float | None,
        Option(
            "Time for the search, such as 60s or 5m; by default the recipe's.", metavar="DURATION"
        ),
    ] = None
    params: Parameters = ()
    tracking: Tracking = None
    experiment: Annotated[
        str | None,
        Option("Experiment; by default the recipe's name.", metavar="NAME", in_project=False),
    ] = None
    run_name: Annotated[
        str | None, Option("Name of the run.", metavar="NAME", in_project=False)
    ] = None
    register: Annotated[
        str | None, Option("Register the best model under this name.", metavar="NAME")
    ] = None
    engine: Annotated[
        Literal["local", "dask"], Option("Engine that runs the fits of the search.")
    ] = "local"
    jobs: Annotated[int | None, jobs("fits")] = None
    report: Annotated[
        bool,
        Option("Draw no plots, and write no report and no model card.", in_project=False),
    ] = True
    learning_curve: Annotated[
        bool,
        Option(
            "Add a learning curve to the report; the model is fitted again for each point.",
            in_project=False,
        ),
    ] = False
    seed: Annotated[
        int | None,
        Option(
            "Seed of the split, the folds and the estimators; by default the recipe's.",
            minimum=0,
            maximum=2**32 - 1,
            expected="a number from 0 to 4294967295",
        ),
    ] = None

    @property
    def dialect(self) -> DialectOptions:
        """What is said of how CSV files are written."""
        return checked(self.delimiter, self.decimal, self.thousands)


@dataclass(frozen=True)
class TrainResult:
    """A finished training run."""

    run_id: str
    experiment_id: str
    experiment: str
    tracking_uri: str
    model_uri: str
    status: str
    metrics: dict[str, float]
    best_params: dict[str, Any]
    candidates: int
    children: int
    seconds: float
    recipe: str
    data: dict[str, Any]
    model_format: str
    task: str = ""
    target: str | None = None
    features: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    rows_left_out: dict[str, int] = field(default_factory=dict)
    rows_trained: int = 0
    rows_held_out: int = 0
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    baselines: dict[str, Any] = field(default_factory=dict)
    registered: dict[str, str] | None = None
    recorded_in: str = ""
    studio: str | None = None
    failed_candidates: int = 0

    def _repr_html_(self) -> str:
        rows = {"run": self.run_id, "experiment": self.experiment, "model": self.model_uri}
        rows |= {f"best {name}": str(value) for name, value in self.best_params.items()}
        rows |= {name: f"{value:.6g}" for name, value in self.metrics.items()}
        cells = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
            for name, value in rows.items()
        )
        link = f'<a href="{escape(self.studio)}">Studio</a>' if self.studio else ""
        return f"<table>{cells}</table>{link}"
