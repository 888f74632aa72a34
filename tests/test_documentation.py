"""The pages say what is so: options, keys, variables, links; and their commands run."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from mlproject.base import environ
from tests.conftest import ROOT, Shell, new_environment
from tests.promotions import registered
from tests.test_repository import commands

DOCS = ROOT / "docs"
ZENSICAL = ROOT / ".venv-docs" / "bin" / "zensical"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
# Options of other programs: mlflow, and az.
OTHERS = {"--env-manager", "--experiment-name", "--artifact-path", "--dst-path", "--help"}
OTHERS |= {"--version", "--backend-config", "--editable"}
# Set for MLflow and others, or by ourselves for ourselves.
INNER = {
    environ.ALLOW_FILE_STORE,
    environ.SUPPRESS_URLS,
    environ.UV_AUTO_DETECT,
    environ.OPENMP_WAITS,
    environ.STUDIO_LINKS,
    environ.HTTP_TIMEOUT,
    environ.HTTP_RETRIES,
    environ.HTTP_BACKOFF,
    environ.BACKEND_STORE,
    environ.SERVER_JOBS,
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_option_in_a_page_is_one_of_a_command(page: Path) -> None:
    known = {option for item in commands().values() for each in item.params for option in each.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page.read_text(encoding="utf-8")))
    assert named - known - OTHERS == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_reference_is_what_the_declarations_make_of_it() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "reference.py"))["pages"]()
    for name, content in made.items():
        assert (DOCS / "reference" / name).read_text(encoding="utf-8") == content, (
            f"run: make reference ({name})"
        )


def test_every_environment_variable_is_in_the_reference() -> None:
    text = (DOCS / "reference" / "environment.md").read_text(encoding="utf-8")
    names = {value for name, value in vars(environ).items() if name.isupper()}
    assert {name for name in names - INNER if f"`{name}`" not in text} == set()


@pytest.mark.skipif(not ZENSICAL.exists(), reason="make test and make docs install zensical")
def test_the_pages_make_a_site(tmp_path: Path) -> None:
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    done = subprocess.run(
        [ZENSICAL, "build", "--strict"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "site" / "reference" / "api" / "index.html").read_text(encoding="utf-8")
    assert "Fit your own estimator" in page
    # Nothing is asked for from elsewhere.
    assert not re.findall(r'<(?:script|link)[^>]+(?:src|href)="https?://', page)


@pytest.mark.skipif(os.name == "nt", reason="the tutorial is written for a POSIX shell")
def test_the_tutorial_runs_as_it_stands(tmp_path: Path) -> None:
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 8
    script = "set -euo pipefail\n" + "\n".join(blocks)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "notes.txt").write_text("A job gets what git tracks.")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "notes")):
        subprocess.run(["git", *words], cwd=checkout, check=True)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=checkout,
        env=new_environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'n.a' is not a number" in done.stdout
    assert "promoted" in done.stdout
    assert (checkout / "again.csv").is_file()
    assert "answers      blue" in done.stdout


def commands_run(shell: Shell, page: str, leave_out: tuple[str, ...] = (), **words: str) -> int:
    """Run the commands of a page, with what its capital words stand for; return how many."""
    text = (DOCS / page).read_text(encoding="utf-8")
    lines = re.findall(r"^ *((?:mlproject|python -m (?:training|inference)) .+)$", text, re.M)
    lines = [line for line in lines if not line.startswith(leave_out)]
    for line in lines:
        for word, value in words.items():
            line = re.sub(rf"\b{word}\b", value, line)
        program, *arguments = shlex.split(line, comments=True)
        done = shell.mlproject(*arguments) if program == "mlproject" else shell.warm(*arguments)
        assert done.code == 0, (line, done.err)
    return len(lines)


def test_the_commands_of_the_page_on_recipes_run(shell: Shell) -> None:
    assert commands_run(shell, "recipes.md") == 5


def test_the_commands_of_the_page_on_runs_run(shell: Shell) -> None:
    ids = [registered(shell, "prices", alpha=alpha)["run_id"] for alpha in (0.01, 0.1, 0.5)]
    words = dict(zip(("FIRST", "SECOND", "THIRD"), ids, strict=True))
    shell.trained("iris-svc", "--param", "model__C=1")

    assert commands_run(shell, "runs.md", ("mlproject ui",), **words) == 5
    assert (shell.folder / "comparison.html").is_file()


def test_the_commands_of_the_page_on_promoting_run(shell: Shell) -> None:
    registered(shell, "diabetes", alpha=0.5)
    assert shell.mlproject("models", "promote", "diabetes").code == 0
    run_id = registered(shell, "diabetes", alpha=0.01)["run_id"]
    shutil.copy(shell.folder / "rows.csv", shell.folder / "new.csv")

    assert commands_run(shell, "promoting.md", RUN_ID=run_id) == 8
    assert (shell.folder / "scored.csv").is_file()


def test_the_commands_of_the_page_on_scoring_run(shell: Shell) -> None:
    run_id = registered(shell, "prices")["run_id"]
    assert shell.mlproject("models", "promote", "prices").code == 0
    rows = pd.read_csv(shell.folder / "rows.csv")
    rows.to_csv(shell.folder / "new.csv", index=False)
    (shell.folder / "lake").mkdir()
    for day in (1, 2):
        rows.to_parquet(shell.folder / "lake" / f"2026-11-0{day}.parquet", index=False)
    to_s3 = "python -m inference --run-id RUN_ID --input lake/ --output s3://"

    assert commands_run(shell, "scoring.md", (to_s3,), RUN_ID=run_id) == 4
    assert (shell.folder / "scored" / "_manifest.json").is_file()
