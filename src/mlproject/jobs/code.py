"""The files that a job starts in: what git tracks in this folder, and this project's packages.

An environment has the third-party packages only. In a checkout of this project its own are among
the files anyway; to those of another repository they are added, in a folder of their own.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mlproject.azure.resources.codes import CodeFile, hash_of
from mlproject.base import git
from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError

# What azureml-core allows of the folder of a job.
MOST_FILES = 2_000
MOST_BYTES = 300 << 20
CONDA_FILE = "conda.yaml"
CARRIED = ".mlproject"
_PACKAGES = ("mlproject", "training", "inference")
_SOURCE = Path(__file__).resolve().parents[2]
_IN_WHEEL = Path(__file__).resolve().parent / "carried"
_LARGEST = 3
_MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Code:
    """The files of a job; ``launcher`` is what its Python is called with."""

    files: tuple[CodeFile, ...]
    launcher: str
    conda: str
    folder: Path

    @cached_property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @cached_property
    def digest(self) -> str:
        return hash_of(self.files)

    @property
    def described(self) -> str:
        """How many files of what size they are, the largest named."""
        largest = ", ".join(f"{f.path} {_shown(f.size)}" for f in self.largest)
        return f"{counted(len(self.files), 'file', ',')}, {_shown(self.size)} (largest: {largest})"

    @property
    def largest(self) -> list[CodeFile]:
        return sorted(self.files, key=lambda file: -file.size)[:_LARGEST]

    def has(self, path: str) -> bool:
        """Whether a file, or files in a folder of this path, are among them."""
        return any(file.path == path or file.path.startswith(f"{path}/") for file in self.files)


def of_folder(folder: Path) -> Code:
    """Return the code in a folder.

    Raises
    ------
    ConfigurationError
        When git tracks nothing there, or too much.
    """
    listed = git.tracked(folder)
    if listed is None:
        raise ConfigurationError(
            f"{folder} is not in a git repository, and a job gets what git tracks",
            "Run git init, and git add what the job needs",
        )
    if not listed:
        raise ConfigurationError(
            f"git tracks no file in {folder}, and a job gets what git tracks",
            "Run git add for what the job needs",
        )
    files = [file for path in listed if (file := _file(folder, path)) is not None]
    paths = {file.path for file in files}
    launcher = "src"
    if not {"src/__main__.py", "src/mlproject/__init__.py"} <= paths:
        files += carried()
        launcher = f"{CARRIED}/src"
    code = Code(tuple(files), launcher, _conda(folder, paths), folder)
    if len(files) > MOST_FILES or code.size > MOST_BYTES:
        raise ConfigurationError(
            f"The code of the job is too large: {code.described}; at most {MOST_FILES:,} files and "
            f"{_shown(MOST_BYTES)} are sent",
            "Submit from a folder with less, or stop tracking what is data: git rm --cached FILE",
        )
    return code


def _file(folder: Path, path: str) -> CodeFile | None:
    """Return a tracked file; None for one that is deleted, and for a link to a folder."""
    local = folder / path
    try:
        status = local.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    if local.is_symlink() and not local.resolve().is_relative_to(folder.resolve()):
        raise ConfigurationError(
            f"{path} is a link to {local.resolve()}, which is outside of {folder}",
            "Replace the link by the file, or stop tracking it: git rm --cached",
        )
    return CodeFile(path, local, status.st_size)


def carried() -> Iterator[CodeFile]:
    """Yield this project's own packages and recipes, as a checkout has them."""
    main = _SOURCE / "__main__.py"
    tops = [_SOURCE / name for name in _PACKAGES]
    yield _own(main if main.is_file() else _IN_WHEEL / "__main__.py", "src/__main__.py")
    yield _own(_SOURCE / "mlproject_features.py", "src/mlproject_features.py")
    for top in tops:
        for path in sorted(top.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield _own(path, f"src/{path.relative_to(_SOURCE).as_posix()}")
    for path in sorted((_SOURCE.parent / "recipes").glob("*.yaml")):  # a wheel has them inside
        yield _own(path, f"recipes/{path.name}")


def _own(local: Path, path: str) -> CodeFile:
    return CodeFile(f"{CARRIED}/{path}", local, local.stat().st_size)


def conda_of(folder: Path) -> str:
    """Return the conda.yaml of a folder, or else this project's own."""
    own = _SOURCE.parent / CONDA_FILE
    places = (folder / CONDA_FILE, own, _IN_WHEEL / CONDA_FILE)
    return next(path for path in places if path.is_file()).read_text(encoding="utf-8")


def _conda(folder: Path, paths: set[str]) -> str:
    """Return the conda.yaml that git tracks in a folder, or else this project's own."""
    return conda_of(folder if CONDA_FILE in paths else _IN_WHEEL)


def _shown(size: int) -> str:
    return f"{size / _MEGABYTE:,.1f} MB" if size >= _MEGABYTE else f"{size / 1024:,.0f} KB"
