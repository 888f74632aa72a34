"""The recipe: what to train, as a strict schema.

A recipe is a YAML file. Keys that do not exist are refused with the nearest known name.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from mlproject.base.errors import ConfigurationError
from mlproject.base.validation import problems
from mlproject.data.column_formats import ColumnFormat
from mlproject.data.dialects import Decimal, DialectOptions, Thousands, named
from training.rules import Name, Rules

Task = Literal["regression", "classification"]
SplitKind = Literal["random", "stratified", "group", "time", "file"]
SearchKind = Literal["grid", "random", "halving", "none"]
MissingTarget = Literal["fail", "drop"]
Rare = Literal["fail", "folds", "merge", "drop"]
# Parameters of scikit-learn's Pipeline itself.
_TAKEN = frozenset({"memory", "steps", "transform_input", "verbose"})
# A step is `name: Estimator`, or `name: {Estimator: {parameter: value}}`.
Step = dict[str, str | dict[str, Any]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSection(_Strict):
    """Which rows and columns."""

    source: str | None = Field(
        default=None, min_length=1, description="file, glob, folder, URL or sklearn:NAME"
    )
    target: Name | None = Field(default=None, description="the column to predict")
    features: list[str] | None = Field(
        default=None, description="columns to use; all others by default"
    )
    drop: list[str] = Field(default_factory=list, description="columns to leave out")
    categorical: list[str] = Field(
        default_factory=list, description="integer columns that are categories, not numbers"
    )
    missing_target: MissingTarget = Field(
        default="fail", description="what becomes of rows whose target is missing: fail or drop"
    )
    encoding: str | None = Field(
        default=None, min_length=1, description="of text files; detected by default"
    )
    delimiter: str | None = Field(
        default=None, description="of CSV, or tab; detected in the header by default"
    )
    decimal: Decimal | None = Field(
        default=None, description="of CSV: the decimal point; detected by default"
    )
    thousands: Thousands | None = Field(default=None, description="of CSV: the thousands separator")
    formats: dict[str, ColumnFormat] = Field(
        default_factory=dict, description="how numbers, times and dates in text are written"
    )

    @field_validator("delimiter", "thousands", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return named(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_a_dialect(self) -> DataSection:
        _ = self.dialect  # which says what is wrong
        return self

    @property
    def dialect(self) -> DialectOptions:
        """What is said of how CSV files are written."""
        return DialectOptions(self.delimiter, self.decimal, self.thousands)


class SplitSection(_Strict):
    """Which rows are held out."""

    kind: SplitKind | None = Field(
        default=None, description="random by default; stratified for classification"
    )
    test_size: float = Field(default=0.2, gt=0, lt=1, description="share of rows held out")
    group: str | None = Field(
        default=None, min_length=1, description="column whose equal values stay together"
    )
    time: str | None = Field(
        default=None, min_length=1, description="column by which the last rows are held out"
    )
    source: str | None = Field(
        default=None, min_length=1, description="a separate file of held-out rows"
    )

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> SplitSection:
        needs = {"group": "group", "time": "time", "file": "source"}
        for kind, key in needs.items():
            if self.kind == kind and getattr(self, key) is None:
                raise ValueError(f"a split of kind '{kind}' needs '{key}'")
            if getattr(self, key) is not None and self.kind != kind:
                raise ValueError(f"'{key}' belongs to a split of kind '{kind}'")
        return self


class ClassesSection(_Strict):
    """How classes are weighed, told apart, and what becomes of rare ones."""

    weights: Literal["balanced"] | dict[str | int | float | bool, float] | None = Field(
        default=None, description="balanced, or class to weight: the model's class_weight"
    )
    threshold: Name | None = Field(
        default=None,
        description="of two classes: the metric for which the threshold between them is tuned",
    )
    rare: Rare = Field(
        default="fail",
        description="classes with too few rows: fail, folds (make fewer), merge (into 'other'), "
        "or drop",
    )


class SearchSection(_Strict):
    """Which candidates are tried, and how they are compared."""

    kind: SearchKind = "grid"
    folds: int = Field(default=5, ge=2, description="cross-validation folds")
    parameters: dict[str, Any] | list[dict[str, Any]] = Field(
        default_factory=dict, description="pipeline parameter to list of values; or several grids"
    )
    scoring: list[str] = Field(default_factory=list, description="metrics of each candidate")
    refit: str | None = Field(
        default=None, description="the metric that chooses; the first by default"
    )
    candidates: int = Field(default=10, ge=1, description="random search: how many are drawn")
    factor: int = Field(
        default=3, ge=2, description="halving: one in this many survives each round"
    )
    budget: float | None = Field(
        default=None, gt=0, description="seconds after which no candidate is started any more"
    )


class Recipe(_Strict):
    """What to train: data, split, pipeline, search, metrics."""

    name: str = Field(min_length=1)
    description: str = ""
    task: Task
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    imports: list[str] = Field(
        default_factory=list, description="modules outside scikit-learn that may be used"
    )
    data: DataSection = Field(default_factory=DataSection)
    split: SplitSection = Field(default_factory=SplitSection)
    pipeline: list[Step] | str = Field(description="steps, or module:function that returns one")
    fixed: dict[str, Any] = Field(
        default_factory=dict, description="pipeline parameter to value, set after the steps"
    )
    search: SearchSection = Field(default_factory=SearchSection)
    classes: ClassesSection = Field(default_factory=ClassesSection)
    metrics: list[str] = Field(
        default_factory=list,
        description="metrics on the held-out rows; by default those that suit the task",
    )
    report: bool = Field(
        default=True, description="whether the run gets plots, a report and a model card"
    )
    promotion: Rules = Field(
        default_factory=Rules, description="what a challenger has to show to become the champion"
    )

    @field_validator("promotion", mode="before")
    @classmethod
    def _empty_section(cls, value: Any) -> Any:
        return {} if value is None else value

    @model_validator(mode="after")
    def _is_consistent(self) -> Recipe:
        if isinstance(self.pipeline, list):
            names = [name for step in self.pipeline for name in step]
            if not names:
                raise ValueError("'pipeline' has no steps")
            if any(len(step) != 1 for step in self.pipeline):
                raise ValueError("each step of 'pipeline' is one 'name: Estimator'")
            for name in names:
                if name in _TAKEN or not name or "__" in name:
                    raise ValueError(f"'{name}' cannot be the name of a step")
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"'pipeline' has two steps named '{repeated[0]}'")
        if self.task == "regression":
            if self.split.kind == "stratified":
                raise ValueError("a stratified split needs a classification task")
            if self.classes != ClassesSection():
                raise ValueError("'classes' needs a classification task")
        return self

    @property
    def scoring(self) -> list[str]:
        return self.search.scoring or self.metrics

    @property
    def refit(self) -> str | None:
        """The metric that chooses; None while it is left to the data which metrics there are."""
        return self.search.refit or next(iter(self.scoring), None)

    @property
    def split_kind(self) -> SplitKind:
        if self.split.kind is not None:
            return self.split.kind
        return "stratified" if self.task == "classification" else "random"


def parse(content: Any, origin: str) -> Recipe:
    """Validate what a YAML file holds; ``origin`` names the file in messages."""
    if not isinstance(content, dict):
        raise ConfigurationError(f"{origin} is not a recipe", "It should be a YAML mapping")
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise problems(error, Recipe, origin) from error
