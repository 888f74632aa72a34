"""A model that waits, ends its process and keeps a list of what it was asked, as files say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from tests.conftest import Shell, saved
from tests.profiles import profile_of, put_beside

ROWS, PARTS = 6_000, 12
OPTIONS = ["--model", "model", "--input", "in.csv", "--trust", "pickle", "--no-track"]


@dataclass(frozen=True)
class Obedient:
    """A folder with such a model and an input of some parts, whose rows are numbered."""

    shell: Shell
    options: list[str]

    @property
    def folder(self) -> Path:
        return self.shell.folder

    def hold(self, row: int) -> None:
        """Have the model wait from a row on."""
        (self.folder / "hold").write_text(str(row))

    def go_on(self) -> None:
        (self.folder / "hold").unlink()

    def asked(self) -> list[int]:
        """Return the first row of each part that was scored, and forget them."""
        path = self.folder / "asked"
        rows = [int(line) for line in path.read_text().split()] if path.exists() else []
        path.unlink(missing_ok=True)
        return sorted(rows)

    def rows_of_parts(self) -> list[int]:
        """Return the first row of each part, as a run that nobody disturbs is asked."""
        done = self.shell.score(*self.options, "--output", "asked.csv", "--overwrite")
        assert done.code == 0, done.err
        return self.asked()

    def work_of(self, output: str) -> Path:
        """Return the folder of an output that is not complete."""
        name = f"{output}_scoring" if output.endswith("/") else f".{output}.scoring"
        return self.folder / name

    def committed(self, output: str) -> list[Path]:
        """Return the tallies of the parts that are there."""
        return list(self.work_of(output).glob("part-*.json"))

    def content(self, output: str) -> dict[str, bytes]:
        """Return all that there is of an output, hidden files included."""
        base = output.rstrip("/")
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and base in path.relative_to(self.folder).parts[0]
        }


def obedient(shell: Shell) -> Obedient:
    folder = str(shell.folder)

    def obey(X: pd.DataFrame) -> pd.DataFrame:
        import os
        import signal
        import time
        from pathlib import Path

        here, first = Path(folder), int(X["id"].iloc[0])
        if len(X) < 50:  # an example, or a row that is tried alone
            return X
        with (here / "asked").open("a") as file:
            file.write(f"{first}\n")
        while True:
            try:
                if first < int((here / "hold").read_text()):
                    break
            except (FileNotFoundError, ValueError):
                break
            time.sleep(0.01)
        if (here / "kill").exists() and first == int((here / "kill").read_text()):
            os.kill(os.getpid(), signal.SIGKILL)
        return X

    X = pd.DataFrame({"id": np.arange(ROWS), "x": np.round(np.sin(np.arange(ROWS)), 6)})
    X = X.astype({"id": float})
    pipeline = make_pipeline(FunctionTransformer(obey), LinearRegression()).fit(X, X["x"] * 2)
    saved(shell.folder / "model", pipeline, X)
    # What differs from it is in the manifest, which is compared byte for byte.
    put_beside(shell.folder / "model", profile_of(X[: ROWS // 3], X["x"][:9] + 1))
    X.to_csv(shell.folder / "in.csv", index=False, lineterminator="\n")
    size = (shell.folder / "in.csv").stat().st_size // PARTS + 1
    made = Obedient(shell, [*OPTIONS, "--part-size", f"{size}B"])
    made.asked()
    return made
