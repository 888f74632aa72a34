"""What one emulator knows: the tokens that hold in it, and its artifacts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mlproject.emulator.identities import CLIENT_ID, TENANT
from mlproject.emulator.keeping.records import Records
from mlproject.emulator.keeping.resource_store import Resources
from mlproject.emulator.keeping.signing import Key
from mlproject.emulator.settings import Settings


@dataclass(frozen=True)
class State:
    """What one emulator knows.

    Attributes
    ----------
    folder : Path
        Holds the database, the resources, and the records and content of artifacts.
    key : Key
        Signs the tokens and the blob store's URLs.
    """

    folder: Path
    settings: Settings
    key: Key = field(default_factory=Key)

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs"

    @property
    def database(self) -> Path:
        return self.folder / "mlflow.db"

    @cached_property
    def records(self) -> Records:
        return Records(self.folder / "artifacts.jsonl", self.settings.listed_after)

    @cached_property
    def resources(self) -> Resources:
        return Resources(self.folder / "resources.jsonl")

    def token(self, audience: str, client: str = CLIENT_ID, **more: str) -> tuple[str, int]:
        """Return a new token, a JWT, and when it expires, in seconds since the epoch.

        ``more`` are claims of this token alone.
        """
        now = time.time()
        expires = now + self.settings.token_life
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "tid": TENANT,
            "oid": client,
            "appid": client,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(expires),
            "ends": expires,
        }
        return self.key.token(claims | more), int(expires)
