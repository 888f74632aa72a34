"""The pages say what is so: options, keys, variables, links; and their commands run."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlproject.base import environ
from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import ROOT, Shell, dask_cluster, free_port
from tests.pages import NOT_RUN, SETUPS, blocks, hidden, left_out, script
from tests.test_repository import commands
from tests.workspace.conftest import emulated

DOCS = ROOT / "docs"
ZENSICAL = ROOT / ".venv-docs" / "bin" / "zensical"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
# Those that people write.
WRITTEN = [path for path in PAGES if path.parent.name != "reference"]
WITH_COMMANDS = [
    path for path in WRITTEN if any(b.is_commands or b.kind == "python" for b in blocks(path))
]
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


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorInstance]:
    with emulated(tmp_path_factory.mktemp("pages") / "emulator", "--job-delay", "0.05") as running:
        yield running


@pytest.fixture
def scheduler(shell: Shell) -> Iterator[str]:
    address = f"tcp://127.0.0.1:{free_port()}"
    with dask_cluster(address, shell.folder, shell.environment):
        yield address


def variables(path: Path, shell: Shell, request: pytest.FixtureRequest) -> dict[str, str]:
    """Return what a page's commands find beside the environment of a new user."""
    found = {"ROOT": str(ROOT), "PORT": str(free_port()), "PRINTED": str(shell.folder / "printed")}
    text = script(path)
    if "$PIMA" in text:
        found["PIMA"] = str(request.getfixturevalue("pima"))
    for fixture in ("server", "scheduler"):
        if f"${fixture.upper()}" in text:
            found[fixture.upper()] = request.getfixturevalue(fixture)
    if path.name in SETUPS and SETUPS[path.name].workspace:
        found |= request.getfixturevalue("workspace").environment
    return found


@pytest.mark.skipif(os.name == "nt", reason="the pages are written for a POSIX shell")
@pytest.mark.parametrize("path", WITH_COMMANDS, ids=lambda path: path.name)
def test_the_commands_of_a_page_run(
    path: Path, shell: Shell, request: pytest.FixtureRequest
) -> None:
    more = variables(path, shell, request)
    done = shell.script(script(path), Path(more["PRINTED"]), **more)
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_no_command_of_a_page_is_overlooked(path: Path) -> None:
    assert hidden(path) == []


def test_all_that_no_test_of_the_pages_runs_is_in_a_page() -> None:
    commands = [c for path in WRITTEN for block in blocks(path) for c in block.commands]
    assert {left_out(command) for command in commands} >= NOT_RUN.keys()


def test_every_target_of_make_that_a_page_names_is_there() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in WRITTEN:
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"(?:^ {4}|^|`)make ([a-z-]+)", text, re.MULTILINE))
        assert named <= known, path
