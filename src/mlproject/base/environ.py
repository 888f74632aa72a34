"""Every environment variable this project reads or sets, in one place."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

# Read: MLflow's own way of choosing a server, an experiment and a run that was already started.
TRACKING_URI = "MLFLOW_TRACKING_URI"
REGISTRY_URI = "MLFLOW_REGISTRY_URI"
RUN_ID = "MLFLOW_RUN_ID"
EXPERIMENT_ID = "MLFLOW_EXPERIMENT_ID"
EXPERIMENT_NAME = "MLFLOW_EXPERIMENT_NAME"
# Read: the scheduler that ``--engine dask`` connects to; Dask's own variable.
DASK_SCHEDULER = "DASK_SCHEDULER_ADDRESS"
# Read: the Python of Spark's workers; Spark's own variable.
SPARK_PYTHON = "PYSPARK_PYTHON"

# Read: config.json of an Azure ML workspace, or the folder that has it; set by ``--workspace``.
WORKSPACE = "MLPROJECT_WORKSPACE"
# Read: whether a browser or a device code may be used to sign in; set by ``--interactive``.
INTERACTIVE = "MLPROJECT_INTERACTIVE"
# Read: the run that an Azure ML job has started, and the token that it gives its process.
AZUREML_RUN_ID = "AZUREML_RUN_ID"
TRACKING_TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - a name
AZUREML_RUN_TOKEN = "AZUREML_RUN_TOKEN"  # noqa: S105 - a name
# Read: the cloud, by Azure's name for it; and what build servers set.
AZUREML_CLOUD = "AZUREML_CURRENT_CLOUD"
CI = "CI"

# Read: the commit that a job's code is of, and whether it was changed since, as submitting sets.
GIT_COMMIT = "MLPROJECT_GIT_COMMIT"
GIT_DIRTY = "MLPROJECT_GIT_DIRTY"

# Read: what a deployment's container is told: the model's name and version, the hash that is
# trusted there, and what the model is asked. The service says where its files are.
SERVED_MODEL = "MLPROJECT_SERVED_MODEL"
SERVED_VERSION = "MLPROJECT_SERVED_VERSION"
SERVED_SHA256 = "MLPROJECT_SERVED_SHA256"
SERVED_METHOD = "MLPROJECT_SERVED_METHOD"
AZUREML_MODEL_DIR = "AZUREML_MODEL_DIR"
# Read: in a job, the paths of the data that the service has mounted, by source; JSON.
MOUNTED = "MLPROJECT_MOUNTED"

# Read: where a browser can be shown, as desktops set it; and the browser that a user has chosen.
DISPLAY = "DISPLAY"
WAYLAND_DISPLAY = "WAYLAND_DISPLAY"
BROWSER = "BROWSER"
# Set: what MLflow's server is told that ``mlproject ui`` starts.
BACKEND_STORE = "MLFLOW_BACKEND_STORE_URI"
SERVER_JOBS = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"

# Set: MLflow 3 refuses the FileStore without it.
ALLOW_FILE_STORE = "MLFLOW_ALLOW_FILE_STORE"
# Set: two lines on standard output, and a request, for each run that ends on an HTTP server.
SUPPRESS_URLS = "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"
# Set: a folder with pyproject.toml and uv.lock would put its whole lock into every model.
UV_AUTO_DETECT = "MLFLOW_UV_AUTO_DETECT"
# Set: threads of numerical libraries sleep while they wait for each other. By default they spin,
# which takes ten times as long on a busy machine, and as much of the processor.
OPENMP_WAITS = "OMP_WAIT_POLICY"
# Set: MLflow's own links are silenced on Azure ML, and the Studio's are printed instead.
STUDIO_LINKS = "MLPROJECT_STUDIO_LINKS"
# Options of the emulator that the pytest fixtures start.
EMULATOR_OPTIONS = "MLPROJECT_EMULATOR_OPTIONS"
# Set while a server is asked for the first time: how long, how often, and how far apart.
HTTP_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
HTTP_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
HTTP_BACKOFF = "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR"


def get(name: str) -> str | None:
    """Return the variable's value; an empty one counts as not set."""
    return os.environ.get(name) or None


def has_display() -> bool:
    """Whether a window can be shown."""
    return sys.platform in ("win32", "darwin") or bool(get(DISPLAY) or get(WAYLAND_DISPLAY))


def mounted(source: str) -> str | None:
    """Return the path of data that a job has mounted; None for data that it has not."""
    paths: dict[str, str] = json.loads(get(MOUNTED) or "{}")
    return paths.get(source)


@contextmanager
def defaults(values: Mapping[str, str]) -> Iterator[None]:
    """Set those of the variables that are not set, for the block."""
    unset = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(unset)
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)
