"""What git says about a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mlproject.base import environ


def commit(folder: Path | None = None) -> str | None:
    """Return the commit that is checked out; None without git or a repository.

    A job has the files of a commit, and not its repository: who submits it says which one.
    """
    return environ.get(environ.GIT_COMMIT) or _stripped(_git("rev-parse", "HEAD", folder=folder))


def is_dirty(folder: Path | None = None) -> bool:
    given = environ.get(environ.GIT_DIRTY)
    return (
        given == "true" if given else bool(_stripped(_git("status", "--porcelain", folder=folder)))
    )


def variables(folder: Path) -> dict[str, str]:
    """Return the environment variables that say this to a job; none without a repository."""
    found = commit(folder)
    if found is None:
        return {}
    return {environ.GIT_COMMIT: found, environ.GIT_DIRTY: str(is_dirty(folder)).lower()}


def tracked(folder: Path) -> list[str] | None:
    """Return the paths in a folder that git tracks; None without git or a repository."""
    listed = _git("ls-files", "-z", "--recurse-submodules", folder=folder)
    return None if listed is None else [path for path in listed.split("\0") if path]


def _git(*arguments: str, folder: Path | None = None) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _stripped(text: str | None) -> str | None:
    return None if text is None else text.strip()
