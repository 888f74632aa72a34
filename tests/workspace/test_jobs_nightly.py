"""Jobs by Microsoft's own client, which this project does not use; and many of ours at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell
from tests.workspace.conftest import committed, emulated, in_workspace
from tests.workspace.test_jobs import FAILING, submit

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]
AZURE_AI_ML = "azure-ai-ml==1.35.2"


@pytest.fixture(scope="module")
def microsofts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has azure-ai-ml, and nothing of this project's."""
    folder = tmp_path_factory.mktemp("azure-ai-ml") / "venv"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    for words in (("venv", str(folder)), ("pip", "install", "--python", str(python), AZURE_AI_ML)):
        subprocess.run([sys.executable, "-m", "uv", "--quiet", *words], check=True)
    return python


@pytest.fixture
def keyed(shell: Shell, tmp_path: Path) -> Iterator[Shell]:
    """A shell in a workspace whose datastores give keys: azure-ai-ml cannot stream by a SAS."""
    with emulated(tmp_path / "emulator", "--secrets", "key") as running:
        yield in_workspace(shell, running)


CLIENT = """\
import json, os, pathlib, sys, threading, time
from azure.ai.ml import MLClient, command, load_job
from azure.ai.ml.entities import Environment
from azure.identity import EnvironmentCredential

names = json.loads(pathlib.Path(os.environ["MLPROJECT_WORKSPACE"]).read_text())
client = MLClient(EnvironmentCredential(), *(names[key] for key in
    ("subscription_id", "resource_group", "workspace_name")))
environment = Environment(name="theirs", version="1", image="an-image",
    conda_file={"name": "theirs", "dependencies": ["python=3.11"]})

def made(line, compute="cpu-cluster"):
    return client.jobs.create_or_update(command(code="code", command=line, compute=compute,
        environment=environment, inputs={"alpha": "0.5"}, experiment_name="theirs"))

def streamed(job):
    try:
        client.jobs.stream(job.name)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None

"""


def theirs(python: Path, shell: Shell, code: str) -> Any:
    """Run a program of azure-ai-ml, and return the JSON that its last line is."""
    (shell.folder / "code").mkdir(exist_ok=True)
    (shell.folder / "code" / "say.py").write_text(
        "import os, sys, time\n"
        "for n in range(5):\n    print('line', n, sys.argv[1], flush=True)\n    time.sleep(0.2)\n"
        "os.makedirs('outputs')\nopen('outputs/a.txt', 'w').write('kept')\n"
    )
    (shell.folder / "client.py").write_text(CLIENT + code)
    done = shell.run(str(python), "client.py")
    assert done.code == 0, done.out + done.err
    return json.loads(done.out.splitlines()[-1]), done.out


def test_azure_ai_ml_submits_streams_and_downloads(microsofts: Path, keyed: Shell) -> None:
    found, printed = theirs(
        microsofts,
        keyed,
        "job = made('python say.py ${{inputs.alpha}}')\n"
        "error = streamed(job)\n"
        "client.jobs.download(job.name, download_path='kept')\n"
        "print(json.dumps([error, client.jobs.get(job.name).status]))\n",
    )

    assert found == [None, "Completed"]
    kept = keyed.folder / "kept" / "artifacts"
    assert (kept / "outputs" / "a.txt").read_text() == "kept"
    assert "line 4 0.5" in (kept / "user_logs" / "std_log.txt").read_text()
    lines = [line for line in printed.splitlines() if line.startswith("line ")]
    assert lines == [f"line {number} 0.5" for number in range(5)]


def test_azure_ai_ml_cancels(microsofts: Path, keyed: Shell) -> None:
    found, _ = theirs(
        microsofts,
        keyed,
        "job = made('sleep 100')\n"
        "time.sleep(2)\n"
        "client.jobs.begin_cancel(job.name).result()\n"
        "print(json.dumps(client.jobs.get(job.name).status))\n",
    )

    assert found == "Canceled"


def test_azure_ai_ml_is_told_what_fails_and_what_is_refused(microsofts: Path, keyed: Shell) -> None:
    found, _ = theirs(
        microsofts,
        keyed,
        "failed = streamed(made('exit 3'))\n"
        "try:\n    made('true', 'none')\n"
        "except Exception as error:\n    print(json.dumps([failed, str(error)]))\n",
    )

    assert "JobException" in found[0]
    assert "exited with status code 3" in found[0]
    assert "Unknown compute target" in found[1]


def test_azure_ai_ml_takes_our_job_file(microsofts: Path, keyed: Shell) -> None:
    there = committed(keyed, {"a.txt": "a"})
    done = submit(there, *FAILING, "--env", "A=b", "--timeout", "1h", "--yaml", "job.yaml")
    assert done.code == 0, done.err

    found, _ = theirs(
        microsofts,
        keyed,
        "job = client.jobs.create_or_update(load_job('job.yaml'))\n"
        "error = streamed(job)\n"
        "print(json.dumps([error, client.jobs.get(job.name).status]))\n",
    )

    assert found[1] == "Failed"
    assert "exited with status code 3" in found[0]


def test_twenty_jobs_on_four_nodes_are_there_once_each_although_answers_get_lost(
    shell: Shell, tmp_path: Path
) -> None:
    with emulated(tmp_path / "emulator", "--lost", "0.1", "--seed", "5") as running:
        there = committed(in_workspace(shell, running), {"a.txt": "a"})
        done = [_submitted(there) for _ in range(20)]
        names = [item.json["job"] for item in done]
        ended = [there.mlproject("jobs", "logs", name, "--follow") for name in names]
        listed = there.mlproject("jobs", "list", "--most", "50", "--json").json["jobs"]

    assert [item.code for item in ended] == [0] * 20
    assert all(item.out.count("Studio: ") == 1 for item in ended)
    assert len(set(names)) == 20
    assert sorted(job["name"] for job in listed) == sorted(names)


def _submitted(shell: Shell) -> Any:
    words = ("train", "diabetes-lassolars", "--compute", "cpu-cluster", "--no-wait", "--json")
    done = submit(shell, *words)
    assert done.code == 0, done.err
    return done
