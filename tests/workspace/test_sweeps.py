"""Sweeps: each candidate of a search as a job of its own, and the best of them by name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlproject.emulator import identities
from tests.conftest import ROOT, Shell
from tests.emulator.conftest import API
from tests.emulator.test_jobs import JobClient
from tests.workspace.conftest import URI, committed
from tests.workspace.test_jobs import ON, submit
from training import parameters, trials
from training.request import TrainRequest

AXES = ("--param", "model__C=0.001,1", "--param", "model__kernel=linear")
RUNS = f"{API}/history/v1.0{identities.SCOPE}/runs"
SWEEP = ("train", "iris-svc", *AXES, "--seed", "7", *ON, "--sweep")


def test_a_sweep_finds_what_the_search_on_a_laptop_finds(
    there: Shell, opened: Callable[[str], Any], jobs: JobClient
) -> None:
    here = there.trained("iris-svc", *AXES, "--seed", "7", "--tracking", "local")
    done = submit(there, *SWEEP, "--max-concurrent-trials", "2", "--json")

    assert done.code == 0, done.err
    parent, best = done.json["run_id"], done.json["best"]
    assert best["parameters"] == {"model__C": str(here["best_params"]["model__C"])}
    local = opened((there.folder / "mlruns").as_uri()).get_run(here["run_id"])
    assert best["value"] == pytest.approx(local.data.metrics["best_cv_score"])
    store = opened(URI)
    run = store.get_run(parent)
    assert run.info.status == "FINISHED"
    found = store.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert sorted(child.info.run_id for child in found) == [f"{parent}_0", f"{parent}_1"]
    assert best["run_id"] in [child.info.run_id for child in found]
    assert best["model_uri"] == f"runs:/{best['run_id']}/best_estimator"
    job = jobs.get(f"jobs/{parent}")["properties"]
    assert job["properties"]["best_child_run_id"] == best["run_id"]
    assert job["limits"] == {
        "jobLimitsType": "Sweep",
        "maxTotalTrials": 2,
        "maxConcurrentTrials": 2,
    }
    assert "Scheduling job" in done.err

    again = there.mlproject("runs", "best", parent, "--tracking", "azureml", "--json")
    listed = there.mlproject("jobs", "list", "--json").json["jobs"]
    names = [item["name"] for item in listed]

    assert again.json == best
    assert parent in names
    assert f"{parent}_0" not in names


def test_a_sweep_is_asked_for_as_the_recipe_searches(there: Shell) -> None:
    done = submit(there, "train", "iris-svc", *ON, "--sweep", "--dry-run", "--json")

    assert done.code == 0, done.err
    found = done.json["body"]["properties"]
    assert found["jobType"] == "Sweep"
    assert found["searchSpace"] == {
        "model__kernel": ["choice", [["linear", "rbf"]]],
        "model__C": ["choice", [[0.1, 1, 10]]],
    }
    assert found["objective"] == {"goal": "maximize", "primaryMetric": "best_cv_score"}
    assert found["samplingAlgorithm"] == {"samplingAlgorithmType": "Grid"}
    assert (found["limits"]["maxTotalTrials"], found["limits"]["maxConcurrentTrials"]) == (6, 4)
    words = "'model__kernel=${{search_space.model__kernel}}' --param"
    assert words in found["trial"]["command"]


def test_a_random_search_draws_as_many_trials_as_it_has_candidates(there: Shell) -> None:
    recipe = yaml.safe_load((ROOT / "recipes" / "iris-svc.yaml").read_text())
    recipe["search"] |= {"kind": "random", "candidates": 3}
    (there.folder / "drawn.yaml").write_text(yaml.safe_dump(recipe))
    committed(there, {"more.txt": "of ours"})
    words = ("--sweep", "--max-concurrent-trials", "9", "--dry-run", "--json")

    done = submit(there, "train", "drawn.yaml", *ON, *words)

    assert done.code == 0, done.err
    found = done.json["body"]["properties"]
    drawn = {"samplingAlgorithmType": "Random", "seed": 1337, "rule": "random"}
    assert found["samplingAlgorithm"] == drawn
    assert (found["limits"]["maxTotalTrials"], found["limits"]["maxConcurrentTrials"]) == (3, 3)


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("class_weight", "none,balanced", ["none", "balanced"]),
        ("shrinking", "true,false", ["true", "false"]),
        ("gamma", "scale,0.5", ["scale", 0.5]),
    ],
)
def test_a_trial_is_told_a_value_as_the_option_takes_it(
    there: Shell, name: str, values: str, told: list[Any]
) -> None:
    words = ("--param", f"model__{name}={values}", "--param", "model__C=1")

    done = submit(there, "train", "iris-svc", *words, *ON, "--sweep", "--dry-run", "--json")

    assert done.code == 0, done.err
    space = done.json["body"]["properties"]["searchSpace"]
    assert space[f"model__{name}"] == ["choice", [told]]
    assert "--param model__C=1 " in done.json["body"]["properties"]["trial"]["command"]


def test_whatever_a_trial_is_told_reads_back_as_what_the_recipe_says(work: Path) -> None:
    values = ["a,b", "", "1", "true", "[x", "x y", 'q"q', "a;b", None, True, 0.001, [1, "a"]]
    recipe = yaml.safe_load((ROOT / "recipes" / "iris-svc.yaml").read_text())
    recipe["pipeline"] = [{"fill": "SimpleImputer"}, *recipe["pipeline"]]
    recipe["search"]["parameters"] = {"fill__fill_value": values}
    (work / "fill.yaml").write_text(yaml.safe_dump(recipe))

    axes = trials.of(TrainRequest("fill.yaml")).axes

    told = axes["fill__fill_value"]
    read = [parameters.parse([f"fill__fill_value={text}"])["fill__fill_value"] for text in told]
    assert read == [[value] for value in values]


def test_a_sweep_that_is_cancelled_ends_its_trials(there: Shell, jobs: JobClient) -> None:
    parent = submit(there, *SWEEP, "--no-wait", "--json").json["job"]
    jobs.until(parent, "Running")

    cancelled = there.mlproject("jobs", "cancel", parent, "--json")

    assert cancelled.json["status"] == "Canceled"
    children = jobs.session.get(f"{RUNS}/{parent}/children").json()["value"]
    assert {child["status"] for child in children} <= {"Canceled", "Completed"}


def test_a_sweep_whose_trials_all_fail_fails(there: Shell, opened: Callable[[str], Any]) -> None:
    words = ("--target", "nothing", "--param", "model__C=1,2", "--param", "model__kernel=linear")
    done = submit(there, "train", "iris-svc", *words, *ON, "--sweep", "--json")
    best = there.mlproject("runs", "best", done.json["run_id"], "--tracking", "azureml")

    assert done.code == 4
    assert "All trials have failed" in done.err
    assert best.code == 4
    assert "none of its 2 children has finished" in best.error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("iris-svc", "--register", "a", "--sweep"), "--register would register the model of"),
        (("auto", "--sweep"), "--sweep needs a recipe with a search"),
        (("metric.yaml", "--sweep"), "No metric 'acuracy'. Did you mean 'accuracy'?"),
        (("grids.yaml", "--sweep"), "--sweep takes one grid, and the search of 'grids' has 2"),
        (("iris-svc", "--max-concurrent-trials", "2"), "--max-concurrent-trials is for a sweep"),
        (
            ("iris-svc", "--param", "model__C=1", "--param", "model__kernel=rbf", "--sweep"),
            "The recipe 'iris-svc' has no search",
        ),
        (("iris-svc", "--sweep", "--compute", "local"), "--sweep needs a cluster"),
    ],
)
def test_what_cannot_be_swept_is_told_before_anything_is_sent(
    there: Shell, words: tuple[str, ...], message: str, asked: Callable[[], list[str]]
) -> None:
    recipe = yaml.safe_load((ROOT / "recipes" / "iris-svc.yaml").read_text())
    axes = recipe["search"]["parameters"]
    changed = {
        "metric": {"search": recipe["search"] | {"scoring": ["acuracy"]}},
        "grids": {"search": recipe["search"] | {"parameters": [axes, axes]}},
    }
    for name, change in changed.items():
        content = yaml.safe_dump(recipe | {"name": name} | change)
        (there.folder / f"{name}.yaml").write_text(content)

    done = submit(there, "train", *words, *(ON if "--compute" not in words else ()))

    assert done.code == 2
    assert message in done.error
    assert not [line for line in asked() if line.startswith("PUT")]


def test_the_best_candidate_of_a_search_on_a_laptop_is_named(shell: Shell) -> None:
    trained = shell.trained("iris-svc", "--seed", "7", "--tracking", "local")

    best = shell.mlproject("runs", "best", trained["run_id"], "--json")
    worst = shell.mlproject(*("runs", "best", trained["run_id"], "--goal", "minimize", "--json"))
    nothing = shell.mlproject("runs", "best", trained["run_id"], "--metric", "mean_test_scor")

    assert best.code == 0, best.err
    assert best.json["parameters"] == {k: str(v) for k, v in trained["best_params"].items()}
    assert (best.json["metric"], best.json["model_uri"]) == ("mean_test_score", None)
    assert worst.json["value"] < best.json["value"]
    assert nothing.code == 2
    assert "Did you mean 'mean_test_score'?" in nothing.error


def test_the_best_of_several_metrics_is_the_one_that_the_recipe_chooses(shell: Shell) -> None:
    recipe = yaml.safe_load((ROOT / "recipes" / "iris-svc.yaml").read_text())
    recipe["search"] |= {"scoring": ["accuracy", "log_loss"], "refit": "log_loss"}
    (shell.folder / "both.yaml").write_text(yaml.safe_dump(recipe))
    trained = shell.trained("both.yaml", "--tracking", "local")

    best = shell.mlproject("runs", "best", trained["run_id"], "--json")

    assert best.code == 0, best.err
    assert (best.json["metric"], best.json["goal"]) == ("mean_test_neg_log_loss", "maximize")
    assert best.json["parameters"] == {k: str(v) for k, v in trained["best_params"].items()}


PYTHON = ROOT / ".venv-azure-ai-ml" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
CLIENT = """\
import json, os, pathlib, sys, time
from azure.ai.ml import MLClient, command, load_job
from azure.ai.ml.entities import Environment
from azure.ai.ml.sweep import Choice
from azure.identity import EnvironmentCredential

names = json.loads(pathlib.Path(os.environ["MLPROJECT_WORKSPACE"]).read_text())
client = MLClient(EnvironmentCredential(), *(names[key] for key in
    ("subscription_id", "resource_group", "workspace_name")))

def ended(name):
    while (job := client.jobs.get(name)).status not in ("Completed", "Failed", "Canceled"):
        time.sleep(0.5)
    return job

"""


def theirs(shell: Shell, code: str) -> Any:
    """Run a program of azure-ai-ml, and return the JSON that its last line is."""
    (shell.folder / "client.py").write_text(CLIENT + code)
    done = shell.run(str(PYTHON), "client.py", PYTHONPATH="")
    assert done.code == 0, done.out + done.err
    return json.loads(done.out.splitlines()[-1])


@pytest.mark.nightly
def test_azure_ai_ml_submits_a_sweep_and_reads_it(there: Shell) -> None:
    (there.folder / "code").mkdir()
    (there.folder / "code" / "say.py").write_text(
        "import mlflow, os, sys\n"
        "with mlflow.start_run():\n    mlflow.log_metric('score', float(sys.argv[1]))\n"
        "open(os.path.join(sys.argv[2], 'a.txt'), 'w').write(sys.argv[1])\n"
    )
    found = theirs(
        there,
        "from azure.ai.ml import Output\n"
        "environment = Environment(name='swept', image='an-image',\n"
        "    conda_file={'name': 'swept', 'dependencies': ['python=3.11']})\n"
        "line = 'python say.py ${{inputs.alpha}} ${{outputs.said}}'\n"
        "made = command(code='code', command=line, environment=environment,\n"
        "    compute='cpu-cluster', inputs={'alpha': 0.5}, outputs={'said': Output()})\n"
        "swept = made(alpha=Choice([0.25, 0.75])).sweep(primary_metric='score', goal='maximize',\n"
        "    sampling_algorithm='grid')\n"
        "swept.set_limits(max_total_trials=2, max_concurrent_trials=2)\n"
        "swept.experiment_name = 'swept'\n"
        "job = client.jobs.create_or_update(swept)\n"
        "one = client.jobs.create_or_update(made)\n"
        "job, one = ended(job.name), ended(one.name)\n"
        "children = [child.name for child in client.jobs.list(parent_job_name=job.name)]\n"
        "client.jobs.download(one.name, download_path='kept', output_name='said')\n"
        "print(json.dumps([job.status, job.type, sorted(children), job.properties, one.status,\n"
        "    job.name]))\n",
    )

    status, kind, children, properties, single, name = found
    assert (status, kind, single) == ("Completed", "sweep", "Completed")
    assert children == [f"{name}_0", f"{name}_1"]
    assert properties["best_child_run_id"] == f"{name}_1"
    kept = there.folder / "kept" / "named-outputs" / "said" / "a.txt"
    assert kept.read_text() == "0.5"


@pytest.mark.nightly
@pytest.mark.parametrize(
    "words",
    [
        ("--compute", "cpu-cluster", "--env", "A=b", "--timeout", "1h", "--identity", "managed"),
        ("--instance-type", "Standard_DS3_v2", "--identity", "user"),
        ("--compute", "cpu-cluster", "--sweep", "--timeout", "1h"),
    ],
)
def test_azure_ai_ml_loads_our_job_files_and_finds_nothing_wrong(
    there: Shell, words: tuple[str, ...], jobs: JobClient
) -> None:
    planned = submit(there, "train", "iris-svc", *words, "--dry-run", "--json")
    properties = planned.json["body"]["properties"]
    done = submit(there, "train", "iris-svc", *words, "--yaml", "job.yaml")
    assert done.code == 0, done.err

    name, problems = theirs(
        there,
        "job = load_job('job.yaml')\n"
        "found = client.jobs.validate(job)\n"
        "print(json.dumps([client.jobs.create_or_update(job).name, found.error_messages]))\n",
    )
    there.mlproject("jobs", "cancel", name)

    sent = jobs.get(f"jobs/{name}")["properties"]
    assert problems == {}
    for key in ("jobType", "command", "searchSpace", "objective", "identity", "computeId"):
        assert sent.get(key) == properties.get(key), key
    if "trial" in properties:
        assert sent["trial"]["command"] == properties["trial"]["command"]
    else:
        assert sent["resources"] | properties["resources"] == sent["resources"]
        assert sent["environmentVariables"] == properties["environmentVariables"]
