"""Microsoft's client of version 2 with online endpoints, used as its documentation says.

Prints one JSON object. It is given the folder with the score script and the models.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential

folder = Path(sys.argv[1])
request = folder / "request.json"
names = json.loads(Path(os.environ["MLPROJECT_WORKSPACE"]).read_text())
client = MLClient(
    DefaultAzureCredential(),
    names["subscription_id"],
    names["resource_group"],
    names["workspace_name"],
)
found: dict[str, object] = {}
made = client.online_endpoints.begin_create_or_update(
    ManagedOnlineEndpoint(name="judged", auth_mode="key", tags={"by": "azure-ai-ml"})
).result()
found["state"] = [made.provisioning_state, made.scoring_uri, made.traffic]


def deployment(name: str, script: str | None, model: str) -> ManagedOnlineDeployment:
    own = {}
    if script is not None:
        own = {
            "code_configuration": CodeConfiguration(
                code=str(folder / "code"), scoring_script=script
            ),
            "environment": Environment(
                name="judged", image="mcr.microsoft.com/x", conda_file=str(folder / "conda.yaml")
            ),
        }
    return ManagedOnlineDeployment(
        name=name,
        endpoint_name="judged",
        model=Model(name=f"judged-{model}", path=str(folder / model), type="mlflow_model"),
        instance_type="Standard_DS3_v2",
        instance_count=1,
        **own,
    )


deployments = client.online_deployments
deployments.begin_create_or_update(deployment("blue", "score.py", "model")).result()
deployments.begin_create_or_update(deployment("green", None, "monitored")).result()
for name in ("blue", "green"):
    found[name] = client.online_endpoints.invoke(
        "judged", deployment_name=name, request_file=str(request)
    )
made.traffic = {"blue": 0, "green": 100}
client.online_endpoints.begin_create_or_update(made).result()
found["traffic"] = client.online_endpoints.get("judged").traffic
found["log"] = deployments.get_logs("blue", "judged", lines=50)
found["listed"] = sorted(item.name for item in deployments.list("judged"))
found["keys"] = len({client.online_endpoints.get_keys("judged").primary_key})
for name, script, model in (("red", "broken.py", "model"), ("grey", None, "model")):
    try:
        deployments.begin_create_or_update(deployment(name, script, model)).result()
    except HttpResponseError as error:
        log = deployments.get_logs(name, "judged", lines=3)
        found[name] = [str(error), log.splitlines()[-1]]
deployments.begin_delete("red", "judged").result()
client.online_endpoints.begin_delete("judged").result()
found["left"] = [item.name for item in client.online_endpoints.list()]
sys.stdout.write(f"\n{json.dumps(found)}")  # behind the dots of its waiting
