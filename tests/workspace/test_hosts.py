"""A token goes to hosts of Azure ML, and to the one that the user has named; URIs are data."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException

from mlproject.azure.connection import context
from mlproject.azure.connection.uris import is_scoring_address

PATH = (
    "/mlflow/v2.0/subscriptions/s/resourceGroups/g/providers"
    "/Microsoft.MachineLearningServices/workspaces/w"
)
OURS = re.compile(r"([a-z0-9-]+\.)+api\.(azureml\.ms|ml\.azure\.(us|cn))")
CRAFTED = [
    r"evil.example\.api.azureml.ms",
    r"evil.example\@x.api.azureml.ms",
    "evil.example:443@x.api.azureml.ms",
    "x.api.azureml.ms@evil.example",
    "x.api.azureml.ms:443@evil.example",
    "evil.example#.api.azureml.ms",
    "evil.example?.api.azureml.ms",
    "evil.example%2f.api.azureml.ms",
    "evil.example%00.api.azureml.ms",
    "evil.example\t.api.azureml.ms",
    "evil.example .api.azureml.ms",
    "evil.example\uff0f.api.azureml.ms",
    "evil.example\u3002api.azureml.ms",
    "evi\u013a.api.azureml.ms",
    "x.api.azureml.ms.evil.example",
    "evilapi.azureml.ms",
    ".api.azureml.ms",
    "api.azureml.ms",
    "x..api.azureml.ms",
    "x.api.azureml.ms:8443",
    "x.api.azureml.ms:",
    "[::1].api.azureml.ms",
    "x.api.azureml.ms.",
]


@pytest.mark.parametrize("host", CRAFTED)
def test_a_crafted_host_gets_no_token(host: str) -> None:
    with pytest.raises(
        MlflowException,
        match=r"not a host of Azure ML|names no host of Azure ML|names no Azure ML workspace",
    ):
        context.of(f"azureml3://{host}{PATH}")


@pytest.mark.parametrize(
    "host",
    [
        "westeurope.api.azureml.ms",
        "WestEurope.API.azureml.ms",
        "a-b.workspace.westeurope.api.azureml.ms:443",
        "usgovvirginia.api.ml.azure.us",
        "chinaeast2.api.ml.azure.cn",
    ],
)
def test_hosts_of_azure_ml_do(host: str) -> None:
    assert context.of(f"azureml3://{host}{PATH}").workspace.host == host.lower()


letters = st.text(
    st.sampled_from("aZ9.-_@:/\\#?%[]\x00\t \u3002\uff0f\u0430") | st.characters(), max_size=6
)
ends = st.sampled_from([".api.azureml.ms", "api.azureml.ms", "evil.example", ":443", ""])


@given(parts=st.lists(letters | ends, min_size=1, max_size=5))
def test_requests_connects_where_the_check_looked(parts: list[str]) -> None:
    host = "".join(parts)
    try:
        found = context.of(f"azureml3://{host}{PATH}")
    except (MlflowException, ValueError):
        return
    url = requests.Request("GET", f"https://{found.workspace.host}/x").prepare().url
    assert OURS.fullmatch(urlsplit(str(url)).hostname or ""), url


def test_a_host_that_the_user_has_named_does_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"azureml3://localhost:8443{PATH}")

    assert context.of(f"azureml3://localhost:8443{PATH}").workspace.host == "localhost:8443"
    for other in (r"evil.example\@localhost:8443", "localhost:8444", "localhost"):
        with pytest.raises(MlflowException):
            context.of(f"azureml3://{other}{PATH}")


@pytest.mark.parametrize("crafted", [*CRAFTED, "westeurope.api.azureml.ms"])
def test_an_endpoint_s_secret_goes_to_no_crafted_host(crafted: str) -> None:
    host = crafted.replace("api.azureml.ms", "westeurope.inference.ml.azure.com")
    if crafted in (".api.azureml.ms", "api.azureml.ms"):
        host = host.removeprefix(".").replace("westeurope.", "")
    elif crafted == "westeurope.api.azureml.ms":
        host = crafted
    elif crafted == "evilapi.azureml.ms":
        host = "x.evilinference.ml.azure.com"

    assert not is_scoring_address(f"https://{host}/score")


def test_an_endpoint_s_secret_goes_to_endpoints_by_tls() -> None:
    for cloud in ("com", "us", "cn"):
        assert is_scoring_address(f"https://pima.westeurope.inference.ml.azure.{cloud}/score")
    assert not is_scoring_address("http://pima.westeurope.inference.ml.azure.com/score")
