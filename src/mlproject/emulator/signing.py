"""What one emulator signs: tokens, and URLs of the blob store."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from werkzeug import Request

ZULU = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Key:
    """A secret of one emulator's life; what it signed does not outlast a restart."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def token(self, claims: Mapping[str, Any]) -> str:
        body = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
        return f"{body}.{self._signature(body)}"

    def claims(self, request: Request) -> dict[str, Any] | None:
        """Return the claims of the token that authorises a request; None where it does not hold."""
        authorization = request.authorization
        if authorization is None or authorization.type != "bearer":
            return None
        body, _, signature = (authorization.token or "").rpartition(".")
        if not self._signed(body, signature):
            return None
        text = body.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return dict(claims) if claims["ends"] > time.time() else None

    def url(self, host: str, path: str, permissions: str, seconds: float) -> str:
        """Return a URL with the shape of a shared access signature; ``path`` is not quoted.

        Permissions are ``r`` read, ``c`` create what is not there, ``w`` write over what is there.
        """
        ends = zulu(time.time() + seconds)
        signature = self._signature(f"{path}\n{permissions}\n{ends}")
        query = f"sv=2024-11-04&sr=b&sp={permissions}&se={quote(ends)}&sig={quote(signature)}"
        return f"https://{host}{quote(path)}?{query}"

    def permissions(self, request: Request) -> str:
        """Return what a request's signed URL permits: nothing where it does not hold."""
        query = request.args
        permissions, ends = query.get("sp", ""), query.get("se", "")
        signed = f"{request.path}\n{permissions}\n{ends}"
        # Times of this one form sort as text.
        holds = self._signed(signed, query.get("sig", "")) and ends > zulu(time.time())
        return permissions if holds else ""

    def _signature(self, text: str) -> str:
        digest = hmac.new(self.secret, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _signed(self, text: str, signature: str) -> bool:
        return hmac.compare_digest(signature.encode(), self._signature(text).encode())


def zulu(seconds: float) -> str:
    """Return a time, in seconds since the epoch, as Azure writes times."""
    return time.strftime(ZULU, time.gmtime(seconds))


def _encoded(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
