"""What tests of the registry share, on whatever server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlproject.base.errors import TrackingError
from mlproject.gate import promotion
from mlproject.gate.verdict import Check, Verdict
from tests.conftest import Shell

RECIPE = """\
name: {name}
task: regression
seed: 1
data: {{source: {source}, target: y, features: [{features}]}}
split: {{kind: random, test_size: 0.5}}
pipeline:
  - model: {{Lasso: {{alpha: {alpha}}}}}
search: {{kind: none}}
metrics: [rmse, r2]
"""


def data(folder: Path, name: str = "rows.csv", rows: int = 600, seed: int = 0) -> Path:
    """Write rows: in nine of ten ``y`` is ``x1``, in the rest, the group b, it is ``x2``."""
    random = np.random.default_rng(seed)
    x1, x2, noise = random.normal(size=(3, rows))
    in_b = np.arange(rows) % 10 == 0
    frame = pd.DataFrame({"x1": x1, "x2": x2, "group": np.where(in_b, "b", "a")})
    frame["y"] = np.where(in_b, x2, x1) + 0.1 * noise
    path = folder / name
    frame.to_csv(path, index=False)
    return path


def registered(
    shell: Shell, name: str, *options: str, alpha: float = 0.01, features: str = "x1, x2"
) -> dict[str, Any]:
    """Train on the rows, register, and return what training says."""
    source = shell.folder / "rows.csv"
    if not source.exists():
        data(shell.folder)
    recipe = RECIPE.format(name=name, source=source, alpha=alpha, features=features)
    (shell.folder / "recipe.yaml").write_text(recipe)
    return shell.trained("recipe.yaml", "--register", name, *options)


def champion(shell: Shell, name: str, *options: str) -> int | None:
    done = shell.mlproject("models", "show", name, "--json", *options)
    assert done.code == 0, done.err
    versions = done.json["versions"]
    return next((int(v["version"]) for v in versions if "champion" in v["aliases"]), None)


def check_the_whole_story(shell: Shell, name: str, *options: str) -> None:
    """Better is promoted, worse and noise are not, and the way back is exact."""

    def promote(version: int) -> Any:
        return shell.mlproject("models", "promote", name, "--version", str(version), *options)

    for alpha in (0.5, 0.01, 0.0101):
        registered(shell, name, *options, alpha=alpha)
    first, better, worse, same = (promote(version) for version in (1, 2, 1, 3))

    assert (first.code, better.code) == (0, 0), first.err + better.err
    assert worse.code == 6
    assert "models:/" in worse.error
    assert "worse by" in worse.error
    assert "still names version 2" in worse.error
    assert same.code == 6
    assert "not above 0" in same.error

    scored = {}
    for step in ("promoted", "back"):
        output = f"{name}-{step}.csv"
        done = shell.score(
            *("--model", f"models:/{name}@champion", "--input", "rows.csv"),
            *("--output", output, "--json", *options),
        )
        assert done.code == 0, done.err
        scored[step] = (shell.folder / output).read_bytes()
        if step == "promoted":
            assert shell.mlproject("models", "rollback", name, *options).code == 0
    assert scored["promoted"] != scored["back"]

    again = shell.mlproject("models", "rollback", name, *options)
    assert again.code == 4
    assert "nothing before version 1" in again.error
    told = shell.mlproject("models", "history", name, "--json", *options).json["history"]
    assert [(item["action"], item["before"], item["after"]) for item in told] == [
        ("promote", None, 1),
        ("promote", 1, 2),
        ("refused", 2, 1),
        ("refused", 2, 3),
        ("rollback", 2, 1),
    ]
    assert all(item["who"] and item["run_id"] for item in told)
    assert told[1]["metrics"]["low"] > 0


def race(client: Any, name: str, opened: Callable[[], Any]) -> None:
    """Promote two versions that were compared with the same champion, at the same moment."""
    promotion.promote(
        client,
        promotion.Wanted(name, "1", "champion"),
        lambda champion, challenger: Verdict((Check("improvement", True, "first"),)),
    )
    barrier = threading.Barrier(2, timeout=120)
    outcomes: dict[str, Any] = {}

    def judge(champion: Any, challenger: Any) -> Verdict:
        barrier.wait()
        return Verdict((Check("improvement", True, "better"),))

    def attempt(version: str) -> None:
        try:
            outcomes[version] = promotion.promote(
                opened(), promotion.Wanted(name, version, "champion"), judge
            )
        except TrackingError as error:
            outcomes[version] = error

    threads = [threading.Thread(target=attempt, args=(version,)) for version in ("2", "3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lost = [outcome for outcome in outcomes.values() if isinstance(outcome, TrackingError)]
    won = [version for version, outcome in outcomes.items() if outcome not in lost]
    assert len(won) == 1, outcomes
    assert len(lost) == 1, outcomes
    assert "was not moved" in str(lost[0]) or "by another" in str(lost[0]), lost
    assert str(client.get_model_version_by_alias(name, "champion").version) == won[0]


def check_the_story_of_evidence(
    shell: Shell, name: str, delete: Callable[[str], None], *options: str
) -> None:
    """Groups are drawn, seen rows left out, late labels taken, and a deleted record survived."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(900, 2)), columns=["x1", "x2"])
    frame["site"] = random.integers(0, 40, len(frame))
    frame["y"] = frame["x1"] + 0.3 * random.normal(size=len(frame))
    frame["id"] = np.arange(len(frame))
    frame[:600].to_csv(shell.folder / "rows.csv", index=False)
    frame[600:][["x1", "x2", "id"]].to_csv(shell.folder / "late.csv", index=False)
    frame[600:850][["id", "y"]].to_csv(shell.folder / "labels.csv", index=False)
    for alpha, seed in ((0.5, 1), (0.01, 1), (0.4, 2)):
        recipe = RECIPE.format(
            name=name, source=shell.folder / "rows.csv", alpha=alpha, features="x1, x2"
        )
        recipe = recipe.replace("kind: random", "kind: group, group: site")
        (shell.folder / "recipe.yaml").write_text(recipe.replace("seed: 1", f"seed: {seed}"))
        shell.trained("recipe.yaml", "--register", name, *options)

    def check(done: Any, name: str) -> str:
        return str(next(item["what"] for item in done.json["checks"] if item["name"] == name))

    def promote(version: int, *more: str) -> Any:
        command = ("models", "promote", name, "--version", str(version), "--json", *more)
        return shell.mlproject(*command, *options)

    first, grouped = promote(1), promote(2)
    assert (first.code, grouped.code) == (0, 0), first.err + grouped.err
    assert grouped.json["judged"]["details"]["size"]["kind"] == "groups"
    delete(grouped.json["record"])

    seen = promote(3)
    assert seen.code == 6, seen.err
    assert "the challenger was trained on none of the rows" in check(seen, "unseen")
    assert "rows, which are left out (by hashes of its rows)" in check(seen, "unseen")

    scored = shell.score(
        *("--model", f"models:/{name}@champion", "--input", "late.csv"),
        *("--output", "scored.csv", "--json", *options),
    )
    assert scored.code == 0, scored.err
    later = promote(3, "--data", "scored.csv", "--labels", "labels.csv", "--key", "id")
    assert later.code == 3, later.err  # the recipe draws sites, which the file has not
    late = ("--data", "scored.csv", "--labels", "labels.csv", "--key", "id", "--group-by", "id")
    later = promote(3, *late)
    assert later.code == 6, later.err
    assert check(later, "rows") == "250 groups of 250 rows"
    assert "attempt" not in check(later, "improvement")

    back = shell.mlproject("models", "rollback", name, "--json", *options)
    assert back.code in (0, 4), back.err
    told = shell.mlproject("models", "history", name, "--json", *options).json["history"]
    assert [item["action"] for item in told][:2] == ["promote", "refused"]
