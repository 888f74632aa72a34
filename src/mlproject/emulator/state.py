"""The workspace that is emulated: its names, its folder, and the tokens that hold in it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TENANT = "11111111-1111-4111-8111-111111111111"
SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
RESOURCE_GROUP = "emulated"
WORKSPACE = "workspace"
WORKSPACE_ID = "33333333-3333-4333-8333-333333333333"
REGION = "westeurope"

LOGIN_HOST = "login.microsoftonline.com"
ARM_HOST = "management.azure.com"
API_HOST = f"{REGION}.api.azureml.ms"
STUDIO_HOST = "ml.azure.com"
ACCOUNT = "emulatedaccount"
BLOB_HOST = f"{ACCOUNT}.blob.core.windows.net"

CLIENT_ID = "44444444-4444-4444-8444-444444444444"
CLIENT_SECRET = "emulated-secret"  # noqa: S105 - it opens nothing but the emulator

SCOPE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
    f"/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}"
)
TRACKING_URI = f"azureml://{API_HOST}/mlflow/v2.0{SCOPE}"


@dataclass
class State:
    """What one emulator knows.

    Attributes
    ----------
    folder : Path
        Holds the database, the blobs and the certificates.
    token_seconds : float
        How long a token holds.
    """

    folder: Path
    token_seconds: float = 3600.0
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def blobs(self) -> Path:
        """The folder of the artifacts' content."""
        return self.folder / "blobs"

    @property
    def database(self) -> str:
        """The URI of the tracking database."""
        return f"sqlite:///{(self.folder / 'mlflow.db').as_posix()}"

    def token(self, audience: str) -> tuple[str, int]:
        """Return a new token, a JWT, and when it expires, in seconds since the epoch."""
        now = time.time()
        expires = now + self.token_seconds
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "tid": TENANT,
            "oid": CLIENT_ID,
            "appid": CLIENT_ID,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(expires),
            "ends": expires,
        }
        head = _encoded({"alg": "HS256", "typ": "JWT"})
        body = f"{head}.{_encoded(claims)}"
        return f"{body}.{self._signature(body)}", int(expires)

    def holds(self, authorization: str | None) -> bool:
        """Whether an Authorization header has a token of this emulator that has not expired."""
        kind, _, token = (authorization or "").partition(" ")
        body, _, signature = token.rpartition(".")
        if kind.lower() != "bearer" or not hmac.compare_digest(signature, self._signature(body)):
            return False
        claims = json.loads(_decoded(body.partition(".")[2]))
        return bool(claims["ends"] > time.time())

    def _signature(self, body: str) -> str:
        digest = hmac.new(self._key, body.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def config() -> dict[str, str]:
    """Return the workspace's config.json."""
    return {
        "subscription_id": SUBSCRIPTION,
        "resource_group": RESOURCE_GROUP,
        "workspace_name": WORKSPACE,
    }


def _encoded(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
