"""Every tag, file and model name that a run of this project has."""

from __future__ import annotations

# Files at the root of a run's artifacts.
RECIPE_FILE = "recipe.yaml"
ENVIRONMENT_FILE = "environment.txt"
TRAINED_ON_FILE = "trained_on.npz"
RESULTS_FILE = "cv_results.csv"
VERDICT_FILE = "verdict.json"
VERDICT_PAGE = "verdict.html"
REPORT_FILE = "report.html"
PLOTS_FOLDER = "plots"
SCORING_PAGE = "scoring.html"

# The one model of a training run.
BEST_MODEL = "best_estimator"
# In the folder of that model: where MLflow puts extra files, and those.
EXTRA_FOLDER = "extra_files"
CARD_FILE = "model_card.md"
PROFILE_FILE = "profile.json"

# Tags of any run, and of the model versions that are made from it.
KIND = "mlproject.kind"
VERSION = "mlproject.version"
FAILURE = "mlproject.failure"
GIT_DIRTY = "mlproject.git.dirty"

# Tags of a training run.
RECIPE = "mlproject.recipe"
TASK = "mlproject.task"
SEED = "mlproject.seed"
DATA_SOURCE = "mlproject.data.source"
DATA_SHA256 = "mlproject.data.sha256"
DATA_DIALECT = "mlproject.data.dialect"
DATA_ROWS = "mlproject.data.rows"
ROWS_LEFT_OUT = "mlproject.data.rows_left_out"
ROWS_LEFT_OUT_WHY = "mlproject.data.rows_left_out.why"
COLUMNS_LEFT_OUT = "mlproject.data.columns_left_out"
MODEL_FORMAT = "mlproject.model.format"
MODEL_FORMAT_WHY = "mlproject.model.format.why"
CANDIDATE = "mlproject.candidate"

# Tags of the parent of a sweep: by what its trials are compared.
SWEEP_METRIC = "mlproject.sweep.metric"
SWEEP_GOAL = "mlproject.sweep.goal"

# Tags of a scoring run.
MODEL_URI = "mlproject.model.uri"
MODEL_SHA256 = "mlproject.model.sha256"
MODEL_RUN_ID = "mlproject.model.run_id"
INPUT_SOURCE = "mlproject.input.source"
INPUT_SHA256 = "mlproject.input.sha256"
OUTPUT_SHA256 = "mlproject.output.sha256"

# Tags of a model version, beside those of its run.
RUN_ID = "mlproject.run_id"
MODEL_NAME = "mlproject.model.name"
METRIC_PREFIX = "mlproject.metric."

# Tags of the record of a registered model.
REGISTERED_MODEL = "mlproject.registry.model"
ALIAS = "mlproject.registry.alias"
ACTION = "mlproject.registry.action"
MOVED_FROM = "mlproject.registry.from"
MOVED_TO = "mlproject.registry.to"
EVIDENCE = "mlproject.registry.rows"
OVERRIDE = "mlproject.registry.override"
WHO = "mlproject.registry.who"
WHY = "mlproject.registry.why"

# MLflow's own.
PARENT = "mlflow.parentRunId"
AUTOLOGGING = "mlflow.autologging"
USER = "mlflow.user"
SOURCE_NAME = "mlflow.source.name"
SOURCE_TYPE = "mlflow.source.type"
GIT_COMMIT = "mlflow.source.git.commit"
DATA_CONTEXT = "mlflow.data.context"
