"""What a scoring has done so far, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from inference.summary import Summary
from mlproject.data.batches import Reject


@dataclass
class Tally:
    """Rows, seconds and hashes of an output; ``rows_resumed`` had been scored before."""

    rows_in: int = 0
    rows_out: int = 0
    rows_rejected: int = 0
    rows_resumed: int = 0
    seconds: float = 0.0
    columns: list[str] = field(default_factory=list)
    output_sha256: str = ""
    rejects_sha256: str | None = None
    summary: Summary = field(default_factory=Summary)
    _rejected: Counter[str | None] = field(default_factory=Counter)  # by the column to blame
    _examples: dict[str | None, str] = field(default_factory=dict)

    def reject(self, rejects: Sequence[Reject]) -> None:
        self.rows_rejected += len(rejects)
        for item in rejects:
            self._rejected[item.column] += 1
            self._examples.setdefault(item.column, f"{item.file} line {item.line}: {item.reason}")

    @property
    def most_rejected(self) -> dict[str, Any] | None:
        """What most rejects are due to; of equals, what came first."""
        if not self._rejected:
            return None
        ((column, rows),) = self._rejected.most_common(1)
        return {"column": column, "rows": rows, "example": self._examples[column]}
