"""Many clients at once lose nothing."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import chain

from mlproject.emulator.instance import EmulatorInstance
from tests.emulator.conftest import Client

PROCESSES, THREADS = 2, 25


def recorded(emulator: EmulatorInstance, experiment: str, number: int) -> str:
    """Record a run as a search does: its data, which all runs share, its metrics and a file."""
    client = Client(emulator)
    with client.session:
        run = client.run(experiment)
        head = {"run_id": run["run_id"]}
        data = {"name": "d", "digest": "1", "source_type": "s", "source": "s"}
        answers = [client.mlflow("runs/log-inputs", **head, datasets=[{"dataset": data}])]
        for step in range(3):
            metric = {"key": "m", "value": float(number), "timestamp": 1, "step": step}
            parameter = {"key": f"p{step}", "value": str(number)}
            answers.append(
                client.mlflow("runs/log-batch", **head, metrics=[metric], params=[parameter])
            )
        client.written(run, "a.txt", str(number).encode())
        answers.append(client.mlflow("runs/update", **head, status="FINISHED"))
        assert [answer.text for answer in answers if answer.status_code != 200] == []
    return str(run["run_id"])


def crowd(emulator: EmulatorInstance, experiment: str, threads: int, numbers: range) -> list[str]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(partial(recorded, emulator, experiment), numbers))


def crowds(emulator: EmulatorInstance, processes: int, threads: int) -> None:
    """Have each thread of each process record a run at the same time, and look for them all."""
    client = Client(emulator)
    experiment, count = client.experiment(), processes * threads
    shares = [range(first, count, processes) for first in range(processes)]
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        made = list(chain(*pool.map(partial(crowd, emulator, experiment, threads), shares)))
    found = client.mlflow("runs/search", experiment_ids=[experiment], max_results=1000)
    runs = found.json()["runs"]

    assert sorted(run["info"]["run_id"] for run in runs) == sorted(made)
    assert {run["info"]["status"] for run in runs} == {"FINISHED"}
    assert {len(run["data"]["params"]) for run in runs} == {3}
    assert {run["inputs"]["dataset_inputs"][0]["dataset"]["name"] for run in runs} == {"d"}
    values = [run["data"]["metrics"][0]["value"] for run in runs]
    assert sorted(values) == list(range(count))
    texts = [client.session.get(client.located(run["info"], "a.txt")).text for run in runs]
    assert [float(text) for text in texts] == values


def test_fifty_clients_in_two_processes_lose_nothing(azureml_emulator: EmulatorInstance) -> None:
    crowds(azureml_emulator, PROCESSES, THREADS)
