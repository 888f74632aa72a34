"""What is asked of training, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class TrainRequest:
    """What the command line says beside the recipe; None is not given."""

    recipe: str | None = None
    data: str | None = None
    target: str | None = None
    params: Mapping[str, Any] | Sequence[str] = ()
    tracking: str | None = None
    experiment: str | None = None
    run_name: str | None = None
    register: str | None = None
    engine: str = "local"
    jobs: int | None = None
    seed: int | None = None


@dataclass(frozen=True)
class TrainResult:
    """A finished training run."""

    run_id: str
    experiment_id: str
    experiment: str
    tracking_uri: str
    model_uri: str
    status: str
    metrics: dict[str, float]
    best_params: dict[str, Any]
    candidates: int
    children: int
    seconds: float
    recipe: str
    data: dict[str, Any]
    model_format: str
    registered: dict[str, str] | None = None
    recorded_in: str = ""
    studio: str | None = None
    failed_candidates: int = 0

    def _repr_html_(self) -> str:
        """Return the result as a notebook shows it."""
        rows = {"run": self.run_id, "experiment": self.experiment, "model": self.model_uri}
        rows |= {f"best {name}": str(value) for name, value in self.best_params.items()}
        rows |= {name: f"{value:.6g}" for name, value in self.metrics.items()}
        cells = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
            for name, value in rows.items()
        )
        link = f'<a href="{escape(self.studio)}">Studio</a>' if self.studio else ""
        return f"<table>{cells}</table>{link}"
