"""What a program has left on a server, as its clients read it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from tests.workspace.any_calls import Program


def content(program: Program) -> dict[str, Any]:
    """Return all that a program has left, without what differs between any two servers."""
    client = program.client
    return {
        "experiments": [_experiment(program, name) for name in program.experiments],
        "runs": [_run(program, name) for name in program.runs],
        "found": sorted(
            program.runs.index(run.info.run_id)
            for run in client.search_runs(program.experiments, "", ViewType.ALL)
        ),
        "models": [_model(program, name) for name in program.models],
        "models found": sorted(
            (program.models.index(model.model_id), _numbers(model.metrics))
            for model in client.search_logged_models(program.experiments)
        ),
        "registered": [
            _registered(program, item)
            for item in client.search_registered_models(
                f"name LIKE '{program.name}%'", order_by=["name"]
            )
        ],
    }


def _experiment(program: Program, name: str) -> Any:
    found = program.client.get_experiment(name)
    tags = {k: v for k, v in found.tags.items() if not k.startswith("mlflow.")}
    return found.lifecycle_stage, tags


def _run(program: Program, name: str) -> Any:
    run = program.client.get_run(name)
    tags = {k: v for k, v in run.data.tags.items() if k != "mlflow.user"}
    datasets = sorted(
        (item.dataset.name, item.dataset.digest, sorted((t.key, t.value) for t in item.tags))
        for item in run.inputs.dataset_inputs
    )
    return {
        "status": (run.info.status, run.info.lifecycle_stage, run.info.run_name),
        "params": run.data.params,
        "metrics": {key: repr(value) for key, value in run.data.metrics.items()},
        "history": {key: _points(program.client, name, key) for key in run.data.metrics},
        "tags": tags,
        "datasets": datasets,
        "inputs": sorted(program.models.index(item.model_id) for item in run.inputs.model_inputs),
        "outputs": sorted(
            (program.models.index(item.model_id), item.step) for item in run.outputs.model_outputs
        ),
        "files": _files(program.client, name),
    }


def _model(program: Program, name: str) -> Any:
    try:
        model = program.client.get_logged_model(name)
    except MlflowException as error:
        return error.error_code
    run = program.runs.index(model.source_run_id) if model.source_run_id else None
    tags = {key: value for key, value in model.tags.items() if key != MLFLOW_MODEL_VERSIONS}
    shown = model.name, str(model.status), tags, model.params, run
    return *shown, _numbers(model.metrics)


def _registered(program: Program, model: Any) -> Any:
    whole = program.client.get_registered_model(model.name)
    versions = program.client.search_model_versions(f"name='{model.name}'")
    return {
        "model": (
            model.name, model.description or "", model.tags, whole.tags,
            {alias: str(version) for alias, version in whole.aliases.items()},
        ),
        "latest": sorted(int(v.version) for v in program.client.get_latest_versions(model.name)),
        "versions": sorted(
            (
                int(v.version), v.description or '', v.tags, v.current_stage,
                program.runs.index(v.run_id) if v.run_id else None,
                program.client.get_model_version(model.name, v.version).aliases,
            )
            for v in versions
        ),
    }  # fmt: skip


def _points(client: MlflowClient, run: str, key: str) -> list[Any]:
    history = client.get_metric_history(run, key)
    return sorted((item.step, item.timestamp, repr(item.value)) for item in history)


def _numbers(metrics: Any) -> list[Any]:
    return sorted(
        (item.key, item.step, repr(item.value), item.dataset_name or "", item.dataset_digest or "")
        for item in metrics or []
    )


def _files(client: MlflowClient, run: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        if not client.list_artifacts(run):
            return {}
        client.download_artifacts(run, "", folder)
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files
        }
