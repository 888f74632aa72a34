"""What a scoring has done, in numbers that add up: of a part, and of all parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from inference.summary import Summary
from mlproject.data.batches import Reject
from mlproject.drift.counts import Counts


@dataclass(frozen=True)
class Written:
    """A file that was written.

    Attributes
    ----------
    rows, length : int
        How many rows and bytes it has.
    """

    name: str
    sha256: str
    rows: int
    length: int


@dataclass
class Blame:
    """The rows that are rejected for one column, and what is wrong with the first of them."""

    column: str | None
    rows: int
    example: str


def kind_of(reject: Reject) -> str:
    """Return what is wrong with a row, in words that have none of its values."""
    if reject.column is None:
        told = reject.reason.startswith("the model refuses")
        return "the model refuses the row" if told else "the row cannot be read"
    for kind in ("is missing", "is infinite"):
        if reject.reason.startswith(f"it {kind}, which the model refuses"):
            return f"the value {kind}, which the model refuses"
    refused = reject.reason.startswith("the model refuses")
    return "the model refuses the value" if refused else "the value is not of the column's type"


@dataclass
class Tally:
    """Rows that came in, went out and were rejected, and the files that have them.

    Attributes
    ----------
    key : str
        Of the split, as the plan has it.
    output, rejects : Written or None
        None where there are no such rows.
    rows_resumed : int
        Those that had been scored before.
    columns : list of str
        Of the output.
    reasons : Counter
        Rejected rows by column and kind of reason.
    drift : Counts or None
        Where the model has a profile to count against.
    warnings : list of str
        What the model warned of, each once.
    """

    key: str = ""
    rows_in: int = 0
    rows_out: int = 0
    rows_rejected: int = 0
    rows_resumed: int = 0
    columns: list[str] = field(default_factory=list)
    output: Written | None = None
    rejects: Written | None = None
    blames: list[Blame] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)
    reasons: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    drift: Counts | None = None

    def reject(self, rejects: Sequence[Reject]) -> None:
        self.rows_rejected += len(rejects)
        for item in rejects:
            example = f"{item.file} line {item.line}: {item.reason}"
            self._blame(Blame(item.column, 1, example))
            self.reasons[item.column, kind_of(item)] += 1

    def count(self, counts: Counts) -> None:
        self.drift = counts if self.drift is None else self.drift + counts

    def add(self, other: Tally) -> None:
        """Take the numbers of a part that comes after those which were added."""
        self.rows_in += other.rows_in
        self.rows_out += other.rows_out
        self.rows_rejected += other.rows_rejected
        self.columns = self.columns or other.columns
        for blame in other.blames:
            self._blame(blame)
        self.warnings = list(dict.fromkeys([*self.warnings, *other.warnings]))
        self.summary.merge(other.summary)
        self.reasons.update(other.reasons)
        if other.drift is not None:
            self.count(other.drift)

    def _blame(self, blame: Blame) -> None:
        for known in self.blames:
            if known.column == blame.column:
                known.rows += blame.rows
                return
        self.blames.append(replace(blame))

    @property
    def most_rejected(self) -> dict[str, Any] | None:
        """What most rejects are due to; of equals, what came first."""
        return asdict(max(self.blames, key=lambda item: item.rows)) if self.blames else None

    def dump(self) -> bytes:
        content = asdict(replace(self, summary=Summary(), reasons=Counter(), drift=None))
        content["summary"] = self.summary.content
        content["reasons"] = [[*key, rows] for key, rows in self.reasons.items()]
        content["drift"] = self.drift.content if self.drift is not None else None
        return json.dumps(content, ensure_ascii=False).encode()

    @classmethod
    def load(cls, data: bytes) -> Tally:
        content = json.loads(data)
        for name in ("output", "rejects"):
            if content[name] is not None:
                content[name] = Written(**content[name])
        content["blames"] = [Blame(**item) for item in content["blames"]]
        content["summary"] = Summary.of(content["summary"])
        reasons = {(column, kind): rows for column, kind, rows in content["reasons"]}
        content["reasons"] = Counter(reasons)
        if content["drift"] is not None:
            content["drift"] = Counts.of(content["drift"])
        return cls(**content)


def total(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of tallies, in the order of their splits."""
    made = Tally()
    for tally in tallies:
        made.add(tally)
    return made
