"""Promises that the files of the repository make to each other."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from mlproject import __version__
from mlproject.cli.main import cli
from tests.conftest import LONG, ROOT

REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


def pins(path: Path) -> dict[str, set[str]]:
    """Return name to versions of a requirement file."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", path.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def conda_pins() -> list[str]:
    dependencies = yaml.safe_load((ROOT / "conda.yaml").read_text())["dependencies"]
    assert re.fullmatch(r"python=3\.\d+", dependencies[0])
    assert dependencies[1] == "pip"
    assert len(dependencies) == 3
    listed: list[str] = dependencies[2]["pip"]
    return listed


def test_conda_yaml_pins_exactly_what_the_lock_pins() -> None:
    locked = pins(ROOT / "requirements" / "run.txt")
    listed = {}
    for line in conda_pins():
        match = re.fullmatch(r"([\w.-]+)==([^\s;]+)( ; .+)?", line)
        assert match, line
        listed[match[1]] = match[2]

    assert {name: version for name, version in listed.items() if version not in locked[name]} == {}
    only_elsewhere = set(locked) - set(listed)
    text = (ROOT / "requirements" / "run.txt").read_text()
    for name in only_elsewhere:  # such as a backport for an older Python
        assert re.search(rf"^{re.escape(name)}==\S+ ; .*python", text, re.MULTILINE), name


def test_conda_yaml_is_what_the_lock_makes_of_it() -> None:
    code = (
        "import sys; sys.path.insert(0, 'scripts'); import lock\n"
        "print(lock.conda(lock.pins(lock.FOLDER / 'run.txt'), lock.CONDA_PYTHON), end='')"
    )
    made = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT)

    assert made == (ROOT / "conda.yaml").read_text()


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_are_hashed_and_name_no_host(path: Path) -> None:
    text = path.read_text()

    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    assert text.count("--hash=sha256:") >= len(pins(path))


def test_a_package_has_one_version_in_all_requirement_files() -> None:
    whole = pins(ROOT / "requirements" / "dev.txt")

    for path in REQUIREMENTS:
        for name, versions in pins(path).items():
            assert versions <= whole[name], (path.name, name)


def test_mlproject_is_what_the_options_make_of_it() -> None:
    code = "import sys; sys.path.insert(0, 'scripts'); import mlproject_file as made\n"
    code += "sys.stdout.reconfigure(encoding='utf-8'); print(made.content(), end='')"
    made = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)

    assert made.decode() == (ROOT / "MLproject").read_text(encoding="utf-8")


def commands(group: click.Group = cli, path: str = "") -> dict[str, click.Command]:
    """Return every command by what stands behind ``mlproject``."""
    found: dict[str, click.Command] = {}
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= commands(command, f"{path}{name} ")
        else:
            found[f"{path}{name}"] = command
    return found


def test_every_parameter_of_mlproject_reaches_an_option_of_its_command() -> None:
    entry_points = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]

    assert entry_points["main"] == entry_points["train"]
    for name, command in (("train", "train"), ("promote", "models promote"), ("score", "score")):
        text, parameters = entry_points[name]["command"], entry_points[name]["parameters"]
        assert text.startswith(f"python src {command} ")
        assert set(re.findall(r"{(\w+)}", text)) == set(parameters)
        known = {option for item in commands()[command].params for option in item.opts}
        assert set(re.findall(r"--[a-z-]+", text)) <= known
        for parameter in parameters.values():
            assert parameter == "string" or set(parameter) == {"type", "default"}


def test_the_parameters_of_mlproject_keep_their_names_and_defaults() -> None:
    entry_points = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]
    defaults = {
        name: {
            key: item if item == "string" else item["default"]
            for key, item in entry_points[name]["parameters"].items()
        }
        for name in ("train", "promote", "score")
    }
    given = ("recipe", "data", "target", "params", "register", "seed", "task", "drop", "group_by")
    given += ("folds", "test_size", "missing_target", "encoding", "budget")
    empty = dict.fromkeys(given, "")
    assert defaults["train"] == empty | {"engine": "local", "jobs": ""}
    assert (
        defaults["promote"].items() >= {"name": "string", "version": "", "to": "champion"}.items()
    )
    assert {"data", "metric", "floor", "slice_by", "trust"} <= set(defaults["promote"])
    empty = dict.fromkeys(
        ("run_id", "model", "rejects", "max_rejects", "max_drift", "batch_rows"), ""
    )
    empty |= dict.fromkeys(("resume", "overwrite", "trust", "part_size"), "")
    given = {"input": "string", "output": "string", "method": "predict", "keep": "all"}
    more = {"on_error": "fail", "jobs": "", "engine": "local"}
    assert defaults["score"] == empty | given | more


def test_every_option_has_a_help_that_is_a_sentence() -> None:
    for path, command in commands().items():
        for item in command.params:
            help_text = getattr(item, "help", None) or ""
            assert re.fullmatch(r"[\w-].*\.", help_text), f"{path}: {item.name}: {help_text!r}"


def test_the_checkout_announces_the_plugins_that_an_installed_package_has() -> None:
    declared = re.findall(
        r'entry-points\."([\w.]+)"\]\n(\w+) = "(.+)"', (ROOT / "pyproject.toml").read_text()
    )
    checkout = runpy.run_path(str(ROOT / "src" / "__main__.py"), run_name="checkout")["Checkout"]()

    assert len(declared) == 4
    assert [(e.group, e.name, e.value) for e in checkout.entry_points] == declared
    assert (checkout.metadata["Name"], checkout.version) == ("mlproject-azureml", __version__)


def test_no_message_and_no_page_names_a_package_of_somebody_else() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.py")]

    for path in pages:
        assert not re.search(r"pip install [^\n]*\bmlproject(?!_azureml)", path.read_text()), path


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 400, path


def test_the_wheel_holds_the_packages_and_the_recipes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    listed = subprocess.check_output([sys.executable, "-m", "zipfile", "-l", str(wheel)], text=True)

    carried = ("mlproject/jobs/carried/__main__.py", "mlproject/jobs/carried/conda.yaml")
    for name in ("mlproject/cli/main.py", "training/train.py", "inference/__main__.py", *carried):
        assert name in listed
    for path in (ROOT / "recipes").iterdir():
        assert f"training/recipes/{path.name}" in listed


def test_what_is_left_to_the_night_is_there() -> None:
    for line in LONG.read_text(encoding="utf-8").splitlines():
        path, _, rest = line.partition("::")
        name = rest.partition("[")[0]
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), line
