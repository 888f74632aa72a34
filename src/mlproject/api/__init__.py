"""The public API; ``import mlproject`` gives its names, each imported when it is first used.

Every call takes plain arguments and gives a frozen dataclass back, with the keys of ``--json`` as
attributes. It leaves environment, tracking URI, active run and autologging of the process as they
were.
"""

from mlproject.api.comparing import best_run, compare_runs, list_runs, show_run
from mlproject.api.deploying import delete_endpoint, deploy, rollback_endpoint
from mlproject.api.environment import check_environment, write_container
from mlproject.api.gating import promote, rollback
from mlproject.api.scoring import predict, score
from mlproject.api.serving import serve
from mlproject.api.submitting import cancel_job, list_jobs, show_job, submit_score, submit_train
from mlproject.api.training import fit, train
from mlproject.api.workspace_data import get_data, list_data, register_data, show_data

__all__ = [
    "best_run",
    "cancel_job",
    "check_environment",
    "compare_runs",
    "delete_endpoint",
    "deploy",
    "fit",
    "get_data",
    "list_data",
    "list_jobs",
    "list_runs",
    "predict",
    "promote",
    "register_data",
    "rollback",
    "rollback_endpoint",
    "score",
    "serve",
    "show_data",
    "show_job",
    "show_run",
    "submit_score",
    "submit_train",
    "train",
    "write_container",
]
