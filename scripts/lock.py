"""Resolve pyproject.toml into the hash-locked requirement files and conda.yaml.

    make lock                            # newest versions that fit
    python scripts/lock.py --keep        # keep the pins that still fit

One universal resolution of everything comes first; the other files are parts of it, so that a
package has one version whatever is installed. Files: ``dev.txt`` (everything, for development),
``run.txt`` (what the project needs, Azure ML included, and what installs it), ``uv.txt`` (the
installer).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"
OLDEST_PYTHON = "3.10"
CONDA_PYTHON = "3.11"
EXTRAS = {"run": ["azureml"], "dev": ["dev", "dask", "spark", "azureml"]}
SYSTEMS = [("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt")]
CONDA_HEAD = """\
# The environment of `mlflow run .`, made by `make lock` from requirements/run.txt; do not edit.
# Only python, pip and exact pip pins, so that uv can make it too.
name: mlproject
channels:
  - conda-forge
dependencies:
  - python={python}
  - pip
  - pip:
"""


def compile_file(name: str, sources: list[str], constraint: Path | None, extras: list[str]) -> None:
    """Write one requirement file."""
    target = FOLDER / f"{name}.txt"
    command = [sys.executable, "-m", "uv", "pip", "compile", *sources, "--universal"]
    command += ["--python-version", OLDEST_PYTHON, "--generate-hashes", "--no-header"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--quiet"]
    command += ["--output-file", str(target)]
    command += [part for extra in extras for part in ("--extra", extra)]
    command += ["--constraint", str(constraint)] if constraint else []
    if "--keep" not in sys.argv:
        command.append("--upgrade")
    subprocess.run(command, check=True, cwd=ROOT)


def pins(path: Path) -> list[str]:
    """Return the lines ``name==version ; marker`` of a requirement file, without hashes."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.rstrip(" \\") for line in lines if line[:1].isalnum() and "==" in line]


def conda(lines: list[str], python: str) -> str:
    """Return conda.yaml for the pins that hold on its Python.

    A marker is kept where it says something about the operating system.
    """
    pinned = []
    for line in lines:
        pin, _, marker = line.partition(" ; ")
        holds = [not marker or _holds(marker, python, system) for system in SYSTEMS]
        if all(holds):
            pinned.append(f"      - {pin}")
        elif any(holds):
            pinned.append(f"""      - "{pin} ; {marker}\"""")
    return CONDA_HEAD.format(python=python) + "\n".join(pinned) + "\n"


def _holds(marker: str, python: str, system: tuple[str, str, str]) -> bool:
    names = dict(zip(("sys_platform", "platform_system", "os_name"), system, strict=True))
    versions = {"python_full_version": f"{python}.0", "python_version": python}
    return Marker(marker).evaluate(versions | names)


def main() -> None:
    """Write all files."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        installer = Path(scratch) / "installer.in"
        installer.write_text("hatchling\n", encoding="utf-8")
        bootstrap = Path(scratch) / "uv.in"
        bootstrap.write_text("uv\n", encoding="utf-8")
        compile_file("dev", ["pyproject.toml"], None, EXTRAS["dev"])
        whole = FOLDER / "dev.txt"
        compile_file("run", ["pyproject.toml", str(installer)], whole, EXTRAS["run"])
        compile_file("uv", [str(bootstrap)], whole, [])
    text = conda(pins(FOLDER / "run.txt"), CONDA_PYTHON)
    (ROOT / "conda.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
