"""Code assets: the files that a job starts in, uploaded once for each content.

The hash is the one by which azure-ai-ml finds the code that it has uploaded before.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from mlflow.exceptions import MlflowException

from mlproject.azure.connection.arm import Arm
from mlproject.azure.connection.failures import AzureMLException
from mlproject.base.counting import counted
from mlproject.base.errors import reason
from mlproject.base.progress import moving

_HASH_VERSION = 202208
_FOLDER = "code"
_BLOCK_BYTES = 1 << 20
_WORKERS = 8
# A URL for the upload may end before it does.
_ATTEMPTS = 3


@dataclass(frozen=True)
class CodeFile:
    """A file, and its path in the job's folder."""

    path: str
    local: Path
    size: int


@dataclass(frozen=True)
class CodeAsset:
    """What a job names as its code; ``uploaded`` is how many files that took."""

    id: str
    uploaded: int


def hash_of(files: Sequence[CodeFile]) -> str:
    """Return the hash of the paths, sizes and contents of files."""
    ordered = sorted(files, key=lambda file: file.path.lower())
    digest = hashlib.sha256(str(len(ordered)).encode())
    for file in ordered:
        digest.update(f"#{file.path}#{file.size}".encode("utf-8", "surrogateescape"))
    for file in ordered:
        with file.local.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()


def find(arm: Arm, digest: str) -> str | None:
    """Return the id of the asset with a hash; None when there is none."""
    path = f"/codes/{_name(digest)}/versions"
    listed = arm.listed(path, hash=digest, hashVersion=str(_HASH_VERSION))
    return next((str(item["id"]) for item in listed), None)


def registered(arm: Arm, files: Sequence[CodeFile], digest: str) -> CodeAsset:
    """Return the asset of some files; they are uploaded where the workspace has none such."""
    known = find(arm, digest)
    if known is not None:
        return CodeAsset(known, 0)
    version = f"/codes/{_name(digest)}/versions/1"
    properties = {
        "codeUri": _uploaded(arm, version, files),
        "isAnonymous": True,
        "properties": {"hash_sha256": digest, "hash_version": _HASH_VERSION},
    }
    try:
        asset = arm.put(version, {"properties": properties})
    except MlflowException:
        # Another submission of the same code was faster.
        found = arm.find(version)
        if found is None:
            raise
        asset = found
    return CodeAsset(str(asset["id"]), len(files))


def planned_id(arm: Arm, digest: str) -> str:
    """Return the id that an asset has, or would get."""
    return find(arm, digest) or f"{arm.scope}/codes/{_name(digest)}/versions/1"


def _name(digest: str) -> str:
    """Return one name for one content: who registers it a second time changes nothing."""
    return str(uuid.UUID(digest[:32]))


def _uploaded(arm: Arm, version: str, files: Sequence[CodeFile]) -> str:
    """Upload files into a fresh container, and return the URL of their folder."""
    from azure.core.exceptions import AzureError

    from mlproject.azure.connection.blobs import Blobs, RefusedError

    blobs, total = Blobs(), sum(file.size for file in files)
    for _ in range(_ATTEMPTS):
        body = {"pendingUploadType": "TemporaryBlobReference"}
        pending = arm.post(f"{version}/startPendingUpload", body)
        url = urlsplit(str(pending["blobReferenceForConsumption"]["credential"]["sasUri"]))
        folder = f"https://{url.netloc}{url.path.rstrip('/')}/{_FOLDER}"

        places = [f"{folder}/{quote(file.path)}?{url.query}" for file in files]
        local = [file.local for file in files]
        try:
            with (
                moving(f"uploading {counted(len(files), 'file')}", total) as transfer,
                ThreadPoolExecutor(_WORKERS) as pool,
            ):
                list(pool.map(blobs.put, places, local, [transfer.one_file() for _ in files]))
        except RefusedError:
            continue
        except (AzureError, OSError) as error:
            raise AzureMLException(
                f"The code cannot be uploaded to {url.netloc}: {reason(error)}"
            ) from error
        return folder
    raise AzureMLException(
        f"The code cannot be uploaded: {urlsplit(folder).netloc} refuses the URL for it"
    )
