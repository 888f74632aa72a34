"""What one emulator signs: tokens, and URLs of the blob store."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import jwt
from werkzeug import Request

ZULU = "%Y-%m-%dT%H:%M:%SZ"
_ALGORITHM = "HS256"


@dataclass(frozen=True)
class Key:
    """A secret of one emulator's life; what it signed does not outlast a restart."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def token(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(dict(claims), self.secret, _ALGORITHM)

    def claims(self, request: Request) -> dict[str, Any] | None:
        """Return the claims of the token that authorises a request; None where it does not hold."""
        authorization = request.authorization
        if authorization is None or authorization.type != "bearer":
            return None
        return self.claims_of(authorization.token or "")

    def claims_of(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token; None where it does not hold."""
        # A token may end within a second, and ``exp`` knows whole ones only.
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.secret,
                [_ALGORITHM],
                options={"verify_aud": False, "verify_exp": False},
            )
        except jwt.InvalidTokenError:
            return None
        return claims if claims["ends"] > time.time() else None

    def url(self, host: str, path: str, permissions: str, seconds: float) -> str:
        """Return a URL with the shape of a shared access signature; ``path`` is not quoted.

        Permissions are ``r`` read, ``c`` create what is not there, ``w`` write over what is there.
        """
        ends = zulu(time.time() + seconds)
        signature = self.signature(path, permissions, ends)
        query = f"sv=2024-11-04&sr=b&sp={permissions}&se={quote(ends)}&sig={signature}"
        return f"https://{host}{quote(path)}?{query}"

    def permissions(self, request: Request) -> str:
        """Return what a request's signed URL permits: nothing where it does not hold."""
        permissions, ends, given = (request.args.get(name, "") for name in ("sp", "se", "sig"))
        whole = request.args.get("sr") == "c"
        path = f"/{request.path.split('/')[1]}" if whole else request.path
        signature = self.signature(path, permissions, ends)
        # Times of this one form sort as text.
        holds = hmac.compare_digest(given.encode(), signature.encode()) and ends > zulu(time.time())
        return permissions if holds else ""

    def container_signature(self, container: str, permissions: str, seconds: float) -> str:
        """Return a shared access signature of a whole container, as the query of a URL.

        Beside those of ``url`` there are the permissions ``d`` delete and ``l`` list.
        """
        ends = zulu(time.time() + seconds)
        signature = self.signature(f"/{container}", permissions, ends)
        return f"sv=2024-11-04&sr=c&sp={permissions}&se={quote(ends)}&sig={signature}"

    @property
    def account(self) -> str:
        """The key of the storage account, as base64."""
        return base64.b64encode(hashlib.sha512(self.secret).digest()).decode()

    def signature(self, *signed: str) -> str:
        """Return what only this secret makes of texts."""
        return hmac.new(self.secret, "\n".join(signed).encode(), hashlib.sha256).hexdigest()


def now() -> str:
    return zulu(time.time())


def zulu(seconds: float) -> str:
    """Return a time, in seconds since the epoch, as Azure writes times."""
    return time.strftime(ZULU, time.gmtime(seconds))
