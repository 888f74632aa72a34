"""The workspace's MLflow API: what it has, how it names things, what it refuses."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from mlproject.base.errors import ConfigurationError
from mlproject.emulator import identities
from mlproject.emulator.runs import limits
from mlproject.emulator.settings import Settings
from tests.emulator.conftest import Client, emulated, message

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def test_it_has_what_the_workspace_has_and_lacks_what_the_workspace_lacks(client: Client) -> None:
    run = client.run()
    arm = client.session.get(
        f"https://{identities.ARM_HOST}{identities.SCOPE}?api-version=2022-05-01"
    )

    assert arm.json()["properties"]["workspaceId"] == identities.WORKSPACE_ID
    metric = {"run_id": run["run_id"], "key": "m", "value": 1.0, "timestamp": 1}
    assert client.mlflow("runs/log-metric", **metric).status_code == 200
    assert client.mlflow("logged-models").status_code == 404
    assert client.mlflow("logged-models").text == ""
    assert client.mlflow("registered-models/alias", name="m").status_code == 404
    assert client.mlflow("registered-models/rename", name="m", new_name="n").status_code == 404


def test_ids_are_guids_in_every_answer_and_in_every_request(client: Client) -> None:
    experiment = client.experiment()
    run = client.run(experiment)

    for guid in (experiment, run["run_id"], run["run_uuid"], run["experiment_id"]):
        assert GUID.fullmatch(guid)
    assert run["experiment_id"] == experiment
    where = f"/experiments/{experiment}/runs/{run['run_id']}/artifacts"
    assert run["artifact_uri"] == f"{identities.TRACKING_URI}{where}"
    got = client.get("experiments/get", experiment_id=experiment).json()["experiment"]
    assert (got["experiment_id"], got["artifact_location"]) == (experiment, "")
    query = {"run_id": run["run_id"], "run_uuid": run["run_id"]}
    assert client.get("runs/get", **query).json()["run"]["info"]["run_id"] == run["run_id"]
    found = client.mlflow("runs/search", experiment_ids=[experiment]).json()["runs"]
    assert [item["info"]["run_id"] for item in found] == [run["run_id"]]


def test_an_id_in_the_form_of_mlflows_own_store_is_unknown(client: Client) -> None:
    run = client.run()
    own = run["run_id"].replace("-", "")

    assert message(client.get("runs/get", run_id=own)) == (
        *(404, "RESOURCE_DOES_NOT_EXIST"),
        f"Run {own} was not found",
    )
    other = "12345678-1234-4234-8234-123456789012"
    assert other in message(client.get("runs/get", run_id=other))[2]
    for experiment in ("1", other):
        status, code, _ = message(client.get("experiments/get", experiment_id=experiment))
        assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_without_an_experiment_runs_are_in_the_default_one(client: Client) -> None:
    run = client.run("0")

    assert GUID.fullmatch(run["experiment_id"])
    got = client.get("experiments/get", experiment_id=run["experiment_id"]).json()
    assert got["experiment"]["name"] == "Default"


def test_filters_compare_ids_as_clients_know_them_and_tags_as_text(client: Client) -> None:
    experiment = client.experiment()
    parent = client.run(experiment)["run_id"]
    tags = [{"key": "mlflow.parentRunId", "value": parent}]
    child = client.run(experiment, tags=tags)["run_id"]

    def found(text: str) -> list[str]:
        asked = {"experiment_ids": [experiment], "filter": text}
        runs = client.mlflow("runs/search", **asked).json().get("runs", [])
        return [run["info"]["run_id"] for run in runs]

    assert found(f"tags.`mlflow.parentRunId` = '{parent}'") == [child]
    assert found(f"attributes.run_id = '{parent}'") == [parent]
    assert found(f"run_id != '{parent}' and tags.mlflow.parentRunId = '{parent}'") == [child]
    assert sorted(found(f"attribute.run_id IN ('{parent}', '{child}')")) == sorted([parent, child])
    assert found(f"tags.run_id = '{parent}'") == []
    assert found(f"attributes.run_id = '{parent.replace('-', '')}'") == []


def test_a_model_version_knows_its_run_and_keeps_its_source_as_it_was_sent(client: Client) -> None:
    run, name = client.run(), os.urandom(4).hex()
    client.mlflow("registered-models/create", name=name)
    source = f"{run['artifact_uri']}/model"
    content = {"name": name, "source": source, "run_id": run["run_id"]}
    made = client.mlflow("model-versions/create", **content, run_link="12").json()["model_version"]

    assert (made["run_id"], made["source"]) == (run["run_id"], source)
    text = f"run_id = '{run['run_id']}'"
    versions = client.get("model-versions/search", filter=text).json()["model_versions"]
    assert [(item["name"], item["run_id"]) for item in versions] == [(name, run["run_id"])]
    query = {"name": name, "version": "1"}
    assert client.get("model-versions/get-download-uri", **query).json() == {"artifact_uri": source}


def test_a_run_has_at_most_200_parameters(client: Client) -> None:
    run = client.run()["run_id"]

    def logged(first: int, last: int) -> requests.Response:
        params = [{"key": f"p{number}", "value": "1"} for number in range(first, last)]
        return client.mlflow("runs/log-batch", run_id=run, params=params)

    assert [logged(0, 100).status_code, logged(100, 200).status_code] == [200, 200]
    assert message(logged(200, 201)) == (
        *(400, "INVALID_PARAMETER_VALUE"),
        f"A run can have at most {limits.MOST['params']} parameters, and this has 201.",
    )
    assert logged(0, 10).status_code == 200


def test_a_tag_has_at_most_1000_characters(client: Client) -> None:
    experiment, name = client.experiment(), os.urandom(4).hex()
    run = client.run(experiment)["run_id"]
    client.mlflow("registered-models/create", name=name)
    most, long = "x" * limits.LONGEST_TAG, {"key": "t", "value": "x" * (limits.LONGEST_TAG + 1)}

    assert client.mlflow("runs/set-tag", run_id=run, key="t", value=most).status_code == 200
    for answer in (
        client.mlflow("runs/set-tag", run_id=run, **long),
        client.mlflow("runs/log-batch", run_id=run, tags=[long]),
        client.mlflow("runs/create", experiment_id=experiment, tags=[long]),
        client.mlflow("experiments/set-experiment-tag", experiment_id=experiment, **long),
        client.mlflow("registered-models/set-tag", name=name, **long),
        client.mlflow("registered-models/create", name=f"{name}2", tags=[long]),
    ):
        assert message(answer) == (
            *(400, "INVALID_PARAMETER_VALUE"),
            "The value of the tag 't' has 1001 characters, and at most 1000 are allowed.",
        )


def test_an_unwanted_name_is_refused_with_its_whole_batch(tmp_path: Path) -> None:
    with emulated(tmp_path, refuse="bad_.*") as (_, client):
        run = client.run()["run_id"]
        metric, text = {"value": 1.0, "timestamp": 1}, {"value": "1"}
        good = [{"key": "good", **metric}]
        answers = [
            client.mlflow(
                "runs/log-batch", run_id=run, metrics=[*good, {"key": "bad_m", **metric}]
            ),
            client.mlflow(
                "runs/log-batch", run_id=run, metrics=good, tags=[{"key": "bad_t", **text}]
            ),
            client.mlflow("runs/log-metric", run_id=run, key="bad_m", **metric),
            client.mlflow("runs/log-parameter", run_id=run, key="bad_p", **text),
            client.mlflow("runs/set-tag", run_id=run, key="bad_t", **text),
            client.mlflow("runs/create", experiment_id="0", tags=[{"key": "bad_t", **text}]),
        ]
        fine = client.mlflow("runs/log-parameter", run_id=run, key="not_bad_p", **text)
        data = client.get("runs/get", run_id=run).json()["run"]["data"]

    for answer in answers:
        status, code, text_of = message(answer)
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert re.fullmatch(r"The name 'bad_[mpt]' is not allowed\.", text_of)
    assert fine.status_code == 200
    assert "metrics" not in data
    with pytest.raises(ConfigurationError, match=r"'\(' is not a regular expression"):
        Settings(refuse="(")


def test_a_batch_that_is_logged_later_is_there_when_its_status_says_so(client: Client) -> None:
    run, preview = client.run()["run_id"], "../preview/mlflow/runs"
    batches: list[dict[str, Any]] = [
        {"params": [{"key": "p", "value": "1"}]},
        {"metrics": [{"key": "m", "value": 1.5, "timestamp": 1}]},
    ]
    tracked = [
        client.mlflow(f"{preview}/log-batch-async", run_id=run, **batch).json() for batch in batches
    ]
    identifier = tracked[1]["batch_tracking_id"]
    query = {"run_id": run, "batch_tracking_id": identifier}
    status = client.get(f"{preview}/get-run-data-status", **query)
    data = client.get("runs/get", run_id=run).json()["run"]["data"]

    assert tracked[0] == {"batch_tracking_id": ""}
    assert GUID.fullmatch(identifier)
    assert status.json() == {"is_complete": True}
    assert [data[name][0]["key"] for name in ("params", "metrics")] == ["p", "m"]
    unknown = {"run_id": identifier, "batch_tracking_id": identifier}
    assert message(client.get(f"{preview}/get-run-data-status", **unknown))[0] == 404
    many = [{"key": f"p{number}", "value": "1"} for number in range(201)]
    refused = client.mlflow(f"{preview}/log-batch-async", run_id=run, params=many)
    assert message(refused)[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_what_microsofts_page_limits_is_refused_on_demand(tmp_path: Path, client: Client) -> None:
    text, metric, long = {"value": "1"}, {"value": 1.0, "timestamp": 1}, {"key": "k" * 101}

    def refused(client: Client) -> list[str]:
        run = client.run()["run_id"]
        held = len(client.get("runs/get", run_id=run).json()["run"]["data"]["tags"])
        batch = {
            "tags": [{"key": f"t{number}", **text} for number in range(50 - held)],
            "metrics": [{"key": f"m{number}", **metric} for number in range(50)],
        }
        assert client.mlflow("runs/log-batch", run_id=run, **batch).status_code == 200
        answers = [
            client.mlflow("runs/set-tag", run_id=run, key="t", **text),
            client.mlflow("runs/log-metric", run_id=run, key="m", **metric),
            client.mlflow("runs/set-tag", run_id=run, **long, **text),
        ]
        assert client.mlflow("runs/log-batch", run_id=run, **batch).status_code == 200
        return [message(answer)[2] for answer in answers if answer.status_code != 200]

    assert refused(client) == []
    with emulated(tmp_path, documented_limits=True) as (_, limited):
        assert refused(limited) == [
            "A run can have at most 50 tags, and this has 51.",
            "A run can have at most 50 metrics, and this has 51.",
            f"The name of the tag '{'k' * 101}' has 101 characters, and at most 100 are allowed.",
        ]
