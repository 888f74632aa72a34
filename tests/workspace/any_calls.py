"""Sequences of calls that an MLflow program may make, made on one server after another."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st
from mlflow.data.http_dataset_source import HTTPDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import (
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
    ViewType,
)
from mlflow.exceptions import MlflowException

Call = tuple[Any, ...]
SMALL = st.sampled_from([0, 0, 0, 1, 1, 2])
KEYS = st.sampled_from(["a", "b", "bad_c", "a.b/c d"])
TEXTS = st.sampled_from(["", "1", "2", "é'\"", "x" * 999, "y" * 1001, "z" * 5000])
OF_MODELS = [0.0, 1.5, -2.0, 1e300, math.inf, -math.inf]  # SQLite reads NaN of a model as 0
NUMBERS = st.sampled_from([*OF_MODELS, math.nan])
STEPS = st.integers(-1, 2)
PATHS = st.sampled_from(["a.txt", "f/a.txt", "f/b.txt", "é &%.txt"])
VERSIONS = st.sampled_from(["1", "1", "2", "3"])
CALLS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "create_experiment": (SMALL, st.dictionaries(KEYS, TEXTS, max_size=1)),
    "set_experiment_tag": (SMALL, KEYS, TEXTS),
    "delete_experiment_tag": (SMALL, KEYS),
    "delete_experiment": (SMALL,),
    "restore_experiment": (SMALL,),
    "create_run": (SMALL, st.dictionaries(KEYS, TEXTS, max_size=2)),
    "log_metric": (SMALL, KEYS, NUMBERS, STEPS, SMALL),
    "log_param": (SMALL, KEYS, TEXTS),
    "log_many": (SMALL, st.integers(0, 500), st.sampled_from([1, 100, 190, 300])),
    "log_batch": (
        SMALL,
        st.lists(st.tuples(KEYS, NUMBERS, SMALL, STEPS), max_size=3),
        st.lists(KEYS, max_size=2, unique=True),
        st.lists(st.tuples(KEYS, TEXTS), max_size=2),
    ),
    "set_tag": (SMALL, KEYS, TEXTS),
    "delete_tag": (SMALL, KEYS),
    "rename": (SMALL, TEXTS),
    "terminate": (SMALL, st.sampled_from(["FINISHED", "FAILED", "RUNNING"])),
    "delete_run": (SMALL,),
    "restore_run": (SMALL,),
    "log_text": (SMALL, PATHS, st.sampled_from(["", "one", "two", "x" * 3000])),
    "log_table": (SMALL, st.integers(0, 9)),
    "log_dataset": (SMALL, SMALL, SMALL),
    "create_model": (SMALL, SMALL, KEYS, TEXTS),
    "model_metric": (SMALL, SMALL, KEYS, st.sampled_from(OF_MODELS), STEPS, SMALL),
    "model_tag": (SMALL, KEYS, TEXTS),
    "delete_model_tag": (SMALL, KEYS),
    "finalize": (SMALL, st.sampled_from(["READY", "FAILED"])),
    "delete_model": (SMALL,),
    "input": (SMALL, SMALL),
    "create_registered": (SMALL, KEYS, TEXTS),
    "describe_registered": (SMALL, st.sampled_from(["", "what it does"])),
    "registered_tag": (SMALL, KEYS, TEXTS),
    "delete_registered_tag": (SMALL, KEYS),
    "create_version": (SMALL, SMALL),
    "create_version_of_run": (SMALL, SMALL),
    "describe_version": (SMALL, VERSIONS, st.sampled_from(["", "what it does"])),
    "version_tag": (SMALL, VERSIONS, KEYS, TEXTS),
    "delete_version_tag": (SMALL, VERSIONS, KEYS),
    "delete_version": (SMALL, VERSIONS),
    "stage": (SMALL, VERSIONS, st.sampled_from(["Staging", "Production", "None"])),
    "alias": (SMALL, st.sampled_from(["champion", "old"]), VERSIONS),
    "delete_alias": (SMALL, st.sampled_from(["champion", "old"])),
    "by_alias": (SMALL, st.sampled_from(["champion", "old"])),
    "copy_version": (SMALL, VERSIONS, SMALL),
    "search_models": (
        st.sampled_from([
            "", "name = 'm'", "tags.a = '1'", "params.a LIKE 'x%'", "metrics.a > 1",
            "metrics.a > 1 AND tags.b != '2'", "status = 'READY'",
        ]),
        st.sampled_from(["metrics.a", "creation_timestamp"]),
        st.sampled_from([1, 100]),
    ),
    "search_registered": (
        st.sampled_from(["", "tags.a = '1'", "name ILIKE '%-1'", "tags.`a.b/c d` != 'x'"]),
    ),
    "search": (
        st.sampled_from([
            "", "tags.a = '1'", "tags.a != '1'", "params.a = '1'", "params.a != '1'",
            "params.a LIKE '%'", "metrics.a > 1", "metrics.a != 1.5",
            "attributes.status = 'RUNNING'", "attributes.run_name LIKE 'r%'",
            "tags.a ILIKE '%X%'", "tags.`a.b/c d` = '2'", "tags.nope IS NULL",
        ]),
        st.sampled_from([[], ["metrics.a DESC"], ["params.a"], ["tags.a DESC"],
                         ["attributes.run_name DESC"]]),
        st.sampled_from([1, 2, 1000]),
    ),
}  # fmt: skip


@st.composite
def calls(draw: st.DrawFn, kinds: list[str] | None = None) -> list[Call]:
    """Draw a sequence of calls: first what the others need, then any."""
    first: list[Call] = [
        ("create_experiment", 0, {}), ("create_run", 0, {}), ("create_run", 0, {}),
        ("create_registered", 0, "a", "1"), ("create_model", 0, 0, "a", "1"),
        ("create_version", 0, 0), ("create_version_of_run", 0, 1),
        ("create_registered", 1, "a", "2"),
    ]  # fmt: skip
    any_call = st.sampled_from(kinds or sorted(CALLS)).flatmap(
        lambda name: st.tuples(st.just(name), *CALLS[name])
    )
    return first + draw(st.lists(any_call, min_size=1, max_size=25))


class Program:
    """A program that makes calls, and names what it has made by numbers.

    It leaves alone what it has deleted, but to restore it: a workspace refuses some of that.
    """

    def __init__(self, client: Any, name: str) -> None:
        self.client, self.name = client, name
        self.experiments: list[str] = []
        self.runs: list[str] = []
        self.models: list[str] = []
        self._makers: list[int | None] = []
        self._deleted: set[str] = set()
        self._is_searchable = True
        self._points = 0

    def outcome(self, call: Call) -> Any:
        """Make a call; return what a program sees of it."""
        try:
            return getattr(self, call[0])(*call[1:])
        except MlflowException as error:
            return error.error_code
        except IndexError:
            return "there is none of this number"

    def _known(self, ids: list[str], number: int) -> str:
        if ids[number] in self._deleted:
            raise IndexError(number)
        return ids[number]

    def _tagged(self, values: Iterable[str]) -> None:
        """A workspace keeps what its service refuses, and does not find runs by it."""
        self._is_searchable &= all(len(value) <= 1000 for value in values)

    def _time(self, value: float, time: int) -> int:
        """Return when a value is logged: NaN is never logged twice, which SQLite does not take."""
        return self._new_time() if math.isnan(value) else time

    def _new_time(self) -> int:
        self._points += 1
        return 1000 + self._points

    def experiment(self, number: int) -> str:
        return self._known(self.experiments, number)

    def run(self, number: int) -> str:
        return self._known(self.runs, number)

    def model(self, number: int) -> str:
        maker = self._makers[number]
        if maker is not None:
            self.run(maker)
        return self.models[number]

    # Experiments

    def create_experiment(self, number: int, tags: dict[str, str]) -> None:
        made = self.client.create_experiment(f"{self.name}-{number}", tags=tags)
        self.experiments.append(made)

    def set_experiment_tag(self, number: int, key: str, value: str) -> None:
        self.client.set_experiment_tag(self.experiment(number), key, value)

    def delete_experiment_tag(self, number: int, key: str) -> None:
        self.client.delete_experiment_tag(self.experiment(number), key)

    def delete_experiment(self, number: int) -> None:
        name = self.experiment(number)
        if number:  # what the others are made in stays
            self.client.delete_experiment(name)
            self._deleted.add(name)

    def restore_experiment(self, number: int) -> None:
        name = self.experiments[number]
        if name in self._deleted:
            self.client.restore_experiment(name)
            self._deleted.remove(name)

    # Runs

    def create_run(self, number: int, tags: dict[str, str]) -> None:
        name = f"r{len(self.runs)}"
        self._tagged(tags.values())
        run = self.client.create_run(self.experiment(number), run_name=name, tags=tags)
        self.runs.append(run.info.run_id)

    def log_metric(self, run: int, key: str, value: float, step: int, time: int) -> None:
        self.client.log_metric(
            self.run(run), key, value, timestamp=self._time(value, time + 1), step=step
        )

    def log_param(self, run: int, key: str, value: str) -> None:
        self.client.log_param(self.run(run), key, value)

    def log_many(self, run: int, start: int, count: int) -> None:
        self._is_searchable = False
        params = [Param(f"p{n}", str(n)) for n in range(start, start + count)]
        self.client.log_batch(self.run(run), params=params[:100])
        for begin in range(100, count, 100):
            self.client.log_batch(self.run(run), params=params[begin : begin + 100])

    def log_batch(self, run: int, metrics: Any, params: Any, tags: Any) -> None:
        points = [
            Metric(key, value, self._time(value, time + 1), step)
            for key, value, time, step in metrics
        ]
        items = [Param(f"q{key}", key) for key in params], [RunTag(*item) for item in tags]
        self._tagged(value for _, value in tags)
        self.client.log_batch(self.run(run), points, *items)

    def set_tag(self, run: int, key: str, value: str) -> None:
        self._tagged([value])
        self.client.set_tag(self.run(run), key, value)

    def delete_tag(self, run: int, key: str) -> None:
        self.client.delete_tag(self.run(run), key)

    def rename(self, run: int, name: str) -> None:
        self.client.update_run(self.run(run), name=name)

    def terminate(self, run: int, status: str) -> None:
        self.client.update_run(self.run(run), status=status)

    def delete_run(self, run: int) -> None:
        name = self.run(run)
        self.client.delete_run(name)
        self._deleted.add(name)

    def restore_run(self, run: int) -> None:
        name = self.runs[run]
        if name in self._deleted:
            self.client.restore_run(name)
            self._deleted.remove(name)

    def log_text(self, run: int, path: str, text: str) -> None:
        self.client.log_text(self.run(run), text, path)

    def log_table(self, run: int, number: int) -> None:
        self.client.log_table(self.run(run), {"n": [number]}, "table.json")

    def log_dataset(self, run: int, number: int, context: int) -> None:
        source = HTTPDatasetSource(f"https://example.com/{number}.csv")
        dataset = MetaDataset(source, name=f"d{number}", digest=str(number))._to_mlflow_entity()
        tags = [InputTag("mlflow.data.context", f"c{context}")] if context else []
        self.client.log_inputs(self.run(run), [DatasetInput(dataset, tags)])

    # Logged models

    def create_model(self, experiment: int, run: int, name: str, value: str) -> None:
        run_id = self.run(run) if run < 2 else None
        made = self.client.create_logged_model(
            self.experiment(experiment), "m", run_id, {name: value}, {name: value}
        )
        self.models.append(made.model_id)
        self._makers.append(run if run_id else None)
        if run_id:
            step = len(self.models) % 2
            self.client.log_outputs(run_id, [LoggedModelOutput(made.model_id, step)])

    def model_metric(
        self, run: int, model: int, key: str, value: float, step: int, dataset: int
    ) -> None:
        name = f"d{dataset}" if dataset else None
        self.client.log_metric(
            self.run(run), key, value, timestamp=self._new_time(), step=step,
            model_id=self.model(model), dataset_name=name, dataset_digest=name and str(dataset),
        )  # fmt: skip

    def model_tag(self, model: int, key: str, value: str) -> None:
        self.client.set_logged_model_tags(self.model(model), {key: value})

    def delete_model_tag(self, model: int, key: str) -> None:
        self.client.delete_logged_model_tag(self.model(model), key)

    def finalize(self, model: int, status: str) -> None:
        self.client.finalize_logged_model(self.model(model), status)

    def delete_model(self, model: int) -> None:
        self.client.delete_logged_model(self.model(model))

    def input(self, run: int, model: int) -> None:
        self.client.log_inputs(self.run(run), models=[LoggedModelInput(self.model(model))])

    # Registered models

    def registered(self, number: int) -> str:
        return f"{self.name}-{number}"

    def create_registered(self, number: int, key: str, value: str) -> None:
        self.client.create_registered_model(self.registered(number), {key: value}, "made")

    def describe_registered(self, number: int, text: str) -> None:
        self.client.update_registered_model(self.registered(number), text)

    def registered_tag(self, number: int, key: str, value: str) -> None:
        self.client.set_registered_model_tag(self.registered(number), key, value)

    def delete_registered_tag(self, number: int, key: str) -> None:
        self.client.delete_registered_model_tag(self.registered(number), key)

    def create_version(self, number: int, model: int) -> str:
        made = self.client.create_model_version(
            self.registered(number),
            f"models:/{self.model(model)}",
            tags={"a": "1"},
            model_id=self.model(model),
        )
        return str(made.version)

    def create_version_of_run(self, number: int, run: int) -> str:
        run_id = self.run(run)
        source = f"{self.client.get_run(run_id).info.artifact_uri}/model"
        return str(
            self.client.create_model_version(self.registered(number), source, run_id).version
        )

    def describe_version(self, number: int, version: str, text: str) -> None:
        self.client.update_model_version(self.registered(number), version, text)

    def version_tag(self, number: int, version: str, key: str, value: str) -> None:
        self.client.set_model_version_tag(self.registered(number), version, key, value)

    def delete_version_tag(self, number: int, version: str, key: str) -> None:
        self.client.delete_model_version_tag(self.registered(number), version, key)

    def delete_version(self, number: int, version: str) -> None:
        # Of a version given as text SQLite leaves the aliases, which then lead nowhere.
        self.client.delete_model_version(self.registered(number), int(version))

    def stage(self, number: int, version: str, stage: str) -> None:
        self.client.transition_model_version_stage(self.registered(number), version, stage)

    def alias(self, number: int, alias: str, version: str) -> None:
        self.client.set_registered_model_alias(self.registered(number), alias, version)

    def delete_alias(self, number: int, alias: str) -> None:
        self.client.delete_registered_model_alias(self.registered(number), alias)

    def by_alias(self, number: int, alias: str) -> str:
        return str(self.client.get_model_version_by_alias(self.registered(number), alias).version)

    def copy_version(self, number: int, version: str, target: int) -> str:
        source = f"models:/{self.registered(number)}/{version}"
        return str(self.client.copy_model_version(source, self.registered(target)).version)

    # What it finds

    def search(self, condition: str, order: list[str], page: int) -> Any:
        if not self._is_searchable:
            return None
        names, token = [], None
        while True:
            found = self.client.search_runs(
                self.experiments, condition, ViewType.ALL, page, order, token
            )
            names += [self.runs.index(run.info.run_id) for run in found]
            token = found.token
            if not token:
                return names if order else sorted(names)

    def search_models(self, condition: str, field: str, page: int) -> Any:
        names, token = [], None
        while True:
            found = self.client.search_logged_models(
                self.experiments, condition or None, None, page, [{"field_name": field}], token
            )
            names += [self.models.index(model.model_id) for model in found]
            token = found.token
            if not token:
                return sorted(names)

    def search_registered(self, condition: str) -> list[str]:
        found = self.client.search_registered_models(condition or None, max_results=1000)
        return sorted(item.name for item in found if item.name.startswith(self.name))
