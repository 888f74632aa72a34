"""What a scoring has done so far, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference.summary import Summary


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
