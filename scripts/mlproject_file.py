"""Write MLproject from the options of the commands that it runs.

    make mlproject-file

An option that is declared for MLproject (``mlproject.base.options``) is a parameter there, with
its help as a comment.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from inference.request import ScoreRequest
from mlproject.base.options import Argument, Declared, declared
from mlproject.gate.request import PromoteRequest
from training.request import TrainRequest

ROOT = Path(__file__).resolve().parents[1]
_WIDTH = 100
HEAD = """\
# An MLflow Project, made by `make mlproject-file` from the options of the commands; do not edit.
# Run it with one of:
#
#   mlflow run . --env-manager local     # in the environment you are in
#   mlflow run . --env-manager uv        # in an environment made from conda.yaml
#
# Parameters are texts; an empty one counts as not given. Examples:
#
#   mlflow run . --env-manager local -P recipe=iris-svc
#   mlflow run . --env-manager local -P "params=model__alpha=0.05,0.2;model__fit_intercept=false"
#   mlflow run . --env-manager local -P data=houses.csv -P target=price

name: mlproject

conda_env: conda.yaml

entry_points:
"""


def entry_point(head: str, command: str, request: Any) -> str:
    """Return one entry point as YAML."""
    items = [item for item in declared(request) if item.option.in_project]
    words = [f"python src {command}", *map(_word, items)]
    lines = [head, "    parameters:"]
    for item in items:
        lines += _wrapped(_comment(item), "      # ")
        lines.append(f"      {item.name}: {_parameter(item)}")
    return "\n".join([*lines, "    command: >-", *_folded(words, "      ")]) + "\n"


def content() -> str:
    """Return the whole file."""
    train = entry_point("  main: &train", "train", TrainRequest)
    alias = "  # The same, by its own name.\n  train: *train\n"
    says = "Move an alias of a registered model to a version that is better on the same rows. When "
    says += "the gate says no, it ends with an error and the alias stays."
    comment = "\n".join(_wrapped(says, "  # "))
    promote = entry_point(f"{comment}\n  promote:", "models promote", PromoteRequest)
    return HEAD + train + alias + promote + entry_point("  score:", "score", ScoreRequest)


def _word(item: Declared) -> str:
    value = f"{{{item.name}}}"
    return value if isinstance(item.option, Argument) else f"{item.flag} {value}"


def _comment(item: Declared) -> str:
    """Return the help, and what the command line shows beside it."""
    metavar = item.option.metavar or ""
    values = "|".join(item.choices) or (metavar if "|" in metavar else "")
    if item.kind is bool:
        values = "true|false"
    default = f"default: {item.default_text}" if item.elsewhere and item.default_text else ""
    beside = "; ".join(filter(None, (values, item.bounds, default)))
    return f"{item.option.help}  [{beside}]" if beside else item.option.help


def _parameter(item: Declared) -> str:
    if item.required or item.option.required:
        return "string"
    default = item.default if isinstance(item.default, str) else ""
    quoted = default if default.isidentifier() else f'"{default}"'
    return f"{{type: string, default: {quoted}}}"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)


def _folded(words: list[str], indent: str) -> list[str]:
    """Return lines of which none parts an option from its value."""
    lines = [indent + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) < _WIDTH - 1:
            lines[-1] += f" {word}"
        else:
            lines.append(indent + word)
    return lines


if __name__ == "__main__":
    (ROOT / "MLproject").write_text(content(), encoding="utf-8")
