"""How many of MLflow's own tests hold on ``azureml3``, of those that hold on SQLite.

    make bench-mlflow-tests SOURCE=DIR

``SOURCE`` is a source tree of MLflow, a checkout or an unpacked archive, with its folder ``tests``;
one of the version that is installed, or near it. Nothing of it is kept. Its tests of the tracking
client, of the registry client and of scikit-learn's autologging run twice: as they are, on SQLite,
and led to ``azureml3`` on an emulator of its own for each test. Left out are, by rules that
``mlflow_tests_plugin`` states, tests of MLflow's server and tests on a FileStore. They need polars:
``.venv/bin/python -m uv pip install polars``.

What fails on ``azureml3`` alone is a limit of the service, where ``LIMITS`` names it, or a defect.
The exit code is 1 when there is a defect.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = (
    "tests/tracking/test_rest_tracking.py",
    "tests/tracking/test_client.py",
    "tests/tracking/test_model_registry.py",
    "tests/sklearn/test_sklearn_autolog.py",
)
# Patterns of a test's name and of its error, and the limit of the service that both together show.
LIMITS = [
    (
        r"trace|span|prompt|tracing",
        r"keeps no traces|span data|'NoneType' object has no attribute 'info'|get_trace",
        "it keeps no traces",
    ),
    (r"assessment", r"keeps no assessments", "it keeps no assessments"),
    (r"dataset|_experiments", r"keeps no evaluation datasets", "it keeps no evaluation datasets"),
    (r"scorer", r"keeps no scorers", "it keeps no scorers"),
    (r"issue", r"keeps no issues", "it keeps no issues"),
    (r"rename_experiment", r"cannot rename|exit code", "experiments keep their names"),
    (r"registered_model", r"cannot rename", "registered models keep their names"),
    (r"delete|prompt", r"cannot delete", "registered models, and so prompts, cannot be deleted"),
    (r"experiment|artifacts", r"my_location|'file://", "it says where artifacts are kept"),
    (r"log_model_artifact", r"file_size=None", "it does not tell how large an artifact is"),
    (r"log_url", r"/#/experiments", "its pages are the Studio's, not MLflow's"),
    (r"prompt", r"version source: 'source'", "a version's files are a URI, not any text"),
    (r"copy_model_version", r"'models:/", "the source of a copied version is where the files are"),
    (
        r"model_version",
        r"assert \[\] ==",
        "a run that it does not have is no condition of a search",
    ),
    (
        r"create_logged_model",
        r"123.* not found",
        "a logged model has a run of the workspace, or none",
    ),
    (r"", r"No such file or directory: 'azureml3://", "artifacts are not files of this machine"),
]


@dataclass
class Outcomes:
    """What the tests did on one store, by name."""

    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    """The error of each."""
    left_out: Counter[str] = field(default_factory=Counter)


def run(source: Path, store: str, workers: str, more: list[str]) -> Outcomes:
    """Run the tests on a store."""
    with tempfile.TemporaryDirectory(prefix="mlflow-tests-") as folder:
        results = Path(folder) / "results.jsonl"
        results.touch()
        environment = {
            **{n: v for n, v in os.environ.items() if not n.startswith(("MLFLOW_", "AZURE"))},
            "HOME": folder,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            # Else a test waits for minutes for traces to reach a server that has ended.
            "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
            "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
            "MLFLOW_TESTS_STORE": store,
            "MLFLOW_TESTS_RESULTS": str(results),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "benchmarks"), str(ROOT / "src")]),
        }
        command = [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "mlflow_tests_plugin",
                "-p",
                "no:cacheprovider",
            ),
            *("--override-ini", "addopts=-p no:legacypath", "--timeout", "300", "-q"),
            *("--basetemp", f"{folder}/pytest"),
            *("-n", workers, *FILES, *more),
        ]
        code = subprocess.call(command, cwd=source, env=environment, stdout=sys.stderr)
        if code not in (0, 1):
            sys.exit(f"pytest ended with {code} on {store}")
        return outcomes(results)


def outcomes(results: Path) -> Outcomes:
    """Return what the plugin has written; a test has passed when all its phases have."""
    found, skipped = Outcomes(), set()
    for line in results.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        test = record["test"]
        if "left_out" in record:
            found.left_out[record["left_out"]] += 1
        elif record["outcome"] == "failed":
            found.failed.setdefault(test, record["error"])
        elif record["outcome"] == "skipped":
            skipped.add(test)
        elif record["when"] == "call":
            found.passed.add(test)
    found.passed -= found.failed.keys() | skipped
    return found


def reason(test: str, error: str) -> str:
    """Return the limit of the service that a failure shows, or what it says."""
    name = test.rpartition("::")[2]
    for names, errors, limit in LIMITS:
        if re.search(names, name) and re.search(errors, error):
            return f"limit of the service: {limit}"
    first = " ".join(error.split())[:100] or "no message"
    return f"defect: {re.sub(r'[0-9a-f-]{8,}', '…', first)}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Run MLflow's own tests on azureml3")
    parser.add_argument("source", type=Path)
    parser.add_argument("--workers", default="2")
    parser.add_argument("--results", type=Path, nargs=2, help="of two earlier runs, to count anew")
    known, more = parser.parse_known_args()
    if not (known.source / FILES[0]).is_file():
        parser.error(f"{known.source} has no {FILES[0]}: give a source tree of MLflow")
    if known.results:
        sqlite, azureml3 = map(outcomes, known.results)
    else:
        sqlite = run(known.source, "sqlite", known.workers, more)
        azureml3 = run(known.source, "azureml3", known.workers, more)

    for why, count in sorted(sqlite.left_out.items()):
        print(f"{count:5}  left out: {why}")
    print(f"{len(sqlite.passed):5}  pass on SQLite")
    print(f"{len(sqlite.passed & azureml3.passed):5}  of those pass on azureml3")
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for test in sorted(sqlite.passed - azureml3.passed):
        groups[reason(test, azureml3.failed.get(test, "was not run"))].append(test)
    for why, tests in sorted(groups.items(), key=lambda item: (item[0][:5], -len(item[1]))):
        print(f"{len(tests):5}  {why}")
        for test in tests:
            print(f"         {test.rpartition('/')[2]}")
    return int(any(why.startswith("defect") for why in groups))


if __name__ == "__main__":
    sys.exit(main())
