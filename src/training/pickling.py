"""Which of a recipe's modules are the user's own, and so travel with a pickle."""

from __future__ import annotations

from collections.abc import Sequence

from training import requirements


def users_own(imports: Sequence[str]) -> list[str]:
    """Return the modules that stand in a folder; installed packages are required by name."""
    return [name for name in imports if not requirements.is_installed(name)]
