"""Models behind endpoints: tried, deployed beside the one that answers, called, moved, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from mlproject.emulator.identities import ARM_HOST, SCOPE
from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import Finished, Shell
from tests.emulator.conftest import Client
from tests.workspace.conftest import emulated, in_workspace

QUICK = ("--job-delay", "0.05")
HERE = ("--preflight", "here")
MODEL = "flowers"
COLUMNS = [
    "sepal length (cm)",
    "sepal width (cm)",
    "petal length (cm)",
    "petal width (cm)",
]
ROW = [5.1, 3.5, 1.4, 0.2]

# Logs a model, which may have an example that it cannot score.
LOGGING = """
import sys, warnings
import mlflow, pandas as pd
from sklearn.linear_model import LinearRegression
warnings.simplefilter("ignore")
X = pd.DataFrame({"a": [1.0, 2.0, 4.0]})
fitted = LinearRegression().fit(X, X["a"])
with mlflow.start_run():
    mlflow.sklearn.log_model(
        fitted,
        name="model",
        signature=mlflow.models.infer_signature(X, fitted.predict(X)),
        input_example=X if sys.argv[2] == "whole" else pd.DataFrame({"a": [1.0, None]}),
        pip_requirements=["mlflow"],
        registered_model_name=sys.argv[1],
    )
"""


class Workspace:
    """An emulated workspace with two versions of a model, and who asks its endpoints."""

    def __init__(self, instance: EmulatorInstance, shell: Shell) -> None:
        self.instance = instance
        self.shell = in_workspace(shell, instance)
        self.client = Client(instance)

    def register(self) -> None:
        for seed in ("1", "2"):
            self.shell.trained("iris-svc", "--seed", seed, "--register", MODEL)

    def deploy(self, *words: str, **more: str) -> Finished:
        return self.shell.mlproject("deploy", *words, **more)

    def arm(self, method: str, path: str) -> requests.Response:
        url = f"https://{ARM_HOST}{SCOPE}{path}?api-version=2025-12-01"
        return self.client.session.request(method, url, json={} if method == "POST" else None)

    def traffic(self, endpoint: str) -> dict[str, int]:
        content = self.arm("GET", f"/onlineEndpoints/{endpoint}").json()
        return dict(content["properties"]["traffic"])

    def deployments(self, endpoint: str) -> list[str]:
        content = self.arm("GET", f"/onlineEndpoints/{endpoint}/deployments").json()
        return sorted(item["name"] for item in content["value"])

    def ask(self, endpoint: str, rows: Any, **headers: str) -> requests.Response:
        found = self.arm("GET", f"/onlineEndpoints/{endpoint}").json()
        key = self.arm("POST", f"/onlineEndpoints/{endpoint}/listKeys").json()["primaryKey"]
        return requests.post(
            found["properties"]["scoringUri"],
            data=json.dumps({"input_data": rows}),
            headers={"Authorization": f"Bearer {key}"} | headers,
            proxies={"https": self.instance.address},
            verify=str(self.instance.authority),
            timeout=60,
        )

    def made(self) -> list[str]:
        """Return what was made of endpoints so far."""
        return [
            item.path.removeprefix(SCOPE)
            for item in self.instance.requests()
            if item.method in ("PUT", "DELETE") and "/onlineEndpoints" in item.path
        ]


@pytest.fixture(scope="module")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, own_shell: Callable[[], Shell]
) -> Iterator[Workspace]:
    with emulated(tmp_path_factory.mktemp("deploy") / "emulator", *QUICK) as instance:
        made = Workspace(instance, own_shell())
        made.register()
        yield made


def split(*rows: list[Any]) -> dict[str, Any]:
    return {"columns": COLUMNS, "index": list(range(len(rows))), "data": list(rows)}


def test_a_model_is_deployed_beside_the_one_that_answers_which_is_kept(
    workspace: Workspace,
) -> None:
    first = workspace.deploy(f"models:/{MODEL}/1", "--endpoint", "blues", *HERE, "--json")
    assert first.code == 0, first.err
    assert first.json["traffic"] == {"blue": 100}
    assert (first.json["model_version"], first.json["previous"]) == ("1", None)
    answer = workspace.ask("blues", split(ROW, ["?", 1, 1, 1]))
    assert answer.status_code == 200
    assert answer.headers["azureml-model-deployment"] == "blue"
    assert answer.json() == {
        "predictions": [0, None],
        "rejects": [{"row": 1, "column": COLUMNS[0], "reason": "'?' is not a number", "index": 1}],
    }
    refused = workspace.ask("blues", {"columns": COLUMNS[1:], "index": [0], "data": [ROW[1:]]})
    assert refused.status_code == 400
    assert f"No column '{COLUMNS[0]}'" in refused.json()["message"]

    second = workspace.deploy(f"models:/{MODEL}/2", "--endpoint", "blues", *HERE)
    assert second.code == 0, second.err
    assert "Back to before: mlproject deploy rollback blues" in second.err
    assert workspace.traffic("blues") == {"green": 100}
    assert workspace.deployments("blues") == ["blue", "green"]
    assert workspace.ask("blues", split(ROW)).headers["azureml-model-deployment"] == "green"

    back = workspace.deploy("rollback", "blues", "--json")
    assert (back.json["deployment"], back.json["model_version"]) == ("blue", "1"), back.err
    assert workspace.traffic("blues") == {"blue": 100}
    assert workspace.ask("blues", split(ROW)).headers["azureml-model-deployment"] == "blue"

    third = workspace.deploy("--endpoint", "blues", f"models:/{MODEL}/2", *HERE, "--json")
    assert third.json["traffic"] == {"green": 100}, third.err
    gone = workspace.deploy("delete", "blues")
    assert gone.code == 0, gone.err
    assert workspace.arm("GET", "/onlineEndpoints/blues").status_code == 404


def test_without_code_a_copy_with_the_services_packages_is_deployed(workspace: Workspace) -> None:
    words = (f"models:/{MODEL}/1", "--endpoint", "nocode", "--no-code", *HERE)
    done = workspace.deploy(*words, "--json")

    assert done.code == 0, done.err
    assert f"a copy that lists them is registered as '{MODEL}-no-code'" in done.err
    assert workspace.ask("nocode", split(ROW, ROW)).json() == [0, 0]
    assert workspace.ask("nocode", split(["?", 1, 1, 1])).status_code == 424
    again = workspace.deploy(*words, "--json")
    assert again.code == 0, again.err
    deployed = workspace.arm("GET", "/onlineEndpoints/nocode/deployments").json()["value"]
    models = {item["properties"]["model"].partition("/models/")[2] for item in deployed}
    assert models == {f"{MODEL}-no-code/versions/1"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((f"models:/{MODEL}/1",), "--endpoint is missing"),
        ((f"models:/{MODEL}/1", "--endpoint", "a_b"), "'a_b' cannot be the name of an endpoint"),
        (("runs:/1", "--endpoint", "other"), "'runs:/1' is not a registered model"),
        ((f"models:/{MODEL}", "--endpoint", "other"), "is not a registered model"),
        (
            (f"models:/{MODEL}/1", "--endpoint", "abc", "--no-code", "--method", "predict_proba"),
            "do not go together",
        ),
        (("rollback", "nothing"), "The workspace has no endpoint 'nothing'"),
        (("delete", "nothing"), "The workspace has no endpoint 'nothing'"),
        (
            (f"models:/{MODEL}/1", "--endpoint", "other", "--tracking", "local"),
            "Endpoints are in an Azure ML workspace",
        ),
    ],
)
def test_what_is_wrong_with_a_deployment_is_said_and_nothing_made(
    workspace: Workspace, words: tuple[str, ...], message: str
) -> None:
    before = workspace.made()
    done = workspace.deploy(*words)

    assert done.code == 2, done.err
    assert message in done.error
    assert workspace.made() == before


def test_an_endpoint_with_one_deployment_has_nothing_to_go_back_to(workspace: Workspace) -> None:
    assert workspace.deploy(f"models:/{MODEL}/1", "--endpoint", "single", *HERE).code == 0
    done = workspace.deploy("rollback", "single")

    assert done.code == 2
    assert "has no deployment to go back to beside 'blue'" in done.error


def test_who_has_no_role_is_told_which(workspace: Workspace) -> None:
    guest = workspace.instance.environment_of("guest")
    done = workspace.deploy(f"models:/{MODEL}/1", "--endpoint", "roles", *HERE, **guest)

    assert done.code == 4
    assert "Ask its owner for the role 'AzureML Data Scientist'" in done.error


def test_a_model_that_does_not_answer_here_is_not_deployed(workspace: Workspace) -> None:
    done = workspace.shell.warm("-c", LOGGING, "gaps", "with a gap")
    assert done.code == 0, done.err
    before = workspace.made()
    done = workspace.deploy("models:/gaps/1", "--endpoint", "broken", *HERE)

    assert done.code == 5
    assert (
        "not score its own input example here (200): row 1, column 'a': it is missing" in done.error
    )
    assert "NaN" in done.error
    assert workspace.made() == before


@pytest.mark.parametrize(
    ("fate", "code", "message"),
    [
        ("crash", 5, "Its log ends with: Serving models:/small/1, version 1"),
        ("no-quota", 4, "Not enough quota for the size Standard_DS3_v2"),
        ("no-image", 4, "The image of the environment cannot be built"),
    ],
)
def test_a_deployment_that_fails_leaves_the_traffic_and_nothing_behind(
    fate: str, code: int, message: str, tmp_path: Path, shell: Shell
) -> None:
    with emulated(tmp_path / "emulator", *QUICK, "--deployment-fate", fate) as instance:
        failing = Workspace(instance, shell)
        logged = failing.shell.warm("-c", LOGGING, "small", "whole")
        assert logged.code == 0, logged.err
        done = failing.deploy("models:/small/1", "--endpoint", "sorry", *HERE)

        assert done.code == code, done.err
        assert message in done.error
        assert "The traffic stays where it was" in done.error or code == 5
        assert failing.arm("GET", "/onlineEndpoints/sorry").status_code == 404
