"""Microsoft's client of version 2, used as its documentation says, in its own environment.

Prints one JSON object. It is given the folder with what it registers.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from azure.ai.ml import MLClient
from azure.ai.ml._artifacts._artifact_utilities import download_artifact_from_aml_uri
from azure.ai.ml.entities import Data
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential

folder = Path(sys.argv[1])
names = json.loads(Path(os.environ["MLPROJECT_WORKSPACE"]).read_text())
client = MLClient(
    DefaultAzureCredential(),
    names["subscription_id"],
    names["resource_group"],
    names["workspace_name"],
)
found: dict[str, object] = {
    "default": client.datastores.get_default().name,
    "datastores": [item.name for item in client.datastores.list()],
    "identity": type(client.datastores.get("identity").credentials).__name__,
    "clusters": {item.name: item.max_instances for item in client.compute.list()},
    "nodes": client.compute.get("cpu-cluster").max_instances,
}
for name, path, kind in (
    ("ai-file", "rows.csv", "uri_file"),
    ("ai-folder", "many", "uri_folder"),
    ("ai-table", "table", "mltable"),
    ("ai-file", "rows.csv", "uri_file"),
):
    made = client.data.create_or_update(
        Data(name=name, path=str(folder / path), type=kind, tags={"by": "azure-ai-ml"})
    )
    found.setdefault(name, []).append(made.version)  # type: ignore[attr-defined]
ours = client.data.get("ours", label="latest")
found["ours"] = [ours.version, ours.type, ours.description, ours.tags]
found["listed"] = sorted(item.name for item in client.data.list())
found["versions"] = [item.version for item in client.data.list("ai-file")]
client.data.archive("ai-table", version="1")
client.data.restore("ai-table", version="1")
try:
    client.data.get("nothing", version="1")
except HttpResponseError as error:
    found["nothing"] = error.status_code
download_artifact_from_aml_uri(ours.path, str(folder / "ours"), client.datastores)
found["downloaded"] = sorted(path.name for path in (folder / "ours").rglob("*.csv"))
sys.stdout.write(json.dumps(found))
