"""Which models may run code when they are loaded: none, until somebody says so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mlproject.base import consent, settings
from mlproject.base.errors import ConfigurationError

PICKLE = "pickle"
_HASH = re.compile(r"sha256:([0-9a-fA-F]{64})")


@dataclass(frozen=True)
class Policy:
    """What is trusted beside the allow-list.

    Attributes
    ----------
    pickles : bool
        Every pickled model, wherever it comes from.
    hashes : frozenset of str
        Single artifacts, by their SHA-256 in lower case.
    """

    pickles: bool = False
    hashes: frozenset[str] = frozenset()

    def __or__(self, other: Policy) -> Policy:
        return Policy(self.pickles or other.pickles, self.hashes | other.hashes)

    def trusts(self, sha256: str) -> bool:
        return sha256 in self.hashes


def parse(values: Iterable[str], origin: str) -> Policy:
    """Return the policy that texts stand for; ``origin`` names their place in messages."""
    pickles, hashes = False, set()
    for value in values:
        match = _HASH.fullmatch(value)
        if match:
            hashes.add(match.group(1).lower())
        elif value == PICKLE:
            pickles = True
        else:
            raise ConfigurationError(
                f"{origin} is '{value}'", "It can be 'pickle', or 'sha256:' and 64 hex digits"
            )
    return Policy(pickles, frozenset(hashes))


def in_force(values: Iterable[str]) -> Policy:
    """Return what the option ``--trust`` and the project's settings trust together."""
    policy = parse((text for text in values if text), "--trust")
    path = settings.find()
    if path is None:
        return policy
    own = settings.read(path).trust
    saved = parse(own, f"'trust' in {path}")
    for value in own:
        consent.check(path, settings.wish_of("trust", value))
    return policy | saved
