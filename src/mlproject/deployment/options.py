"""What a deployment is asked for with, and what comes back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from mlproject.base.errors import ConfigurationError
from mlproject.base.options import Argument, Option, Options, Tracking, Trust

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{2,31}")
AUTH_MODES = {"key": "Key", "aml-token": "AMLToken", "entra": "AADToken"}


@dataclass(frozen=True)
class DeployRequest(Options):
    """What a deployment is asked for with."""

    model: Annotated[str, Argument("Registered model: models:/NAME/VERSION or models:/NAME@ALIAS.")]
    endpoint: Annotated[
        str | None,
        Option("Name of the endpoint; it is created if it does not exist.", metavar="NAME"),
    ] = None
    instance_type: Annotated[str, Option("Size of the machines.", metavar="SIZE")] = (
        "Standard_DS3_v2"
    )
    instance_count: Annotated[int, Option("Machines.", minimum=1)] = 1
    auth: Annotated[
        Literal["key", "aml-token", "entra"],
        Option("How callers of a new endpoint sign in."),
    ] = "key"
    method: Annotated[
        Literal["predict", "predict_proba"],
        Option("Method of the model to call; predict_proba adds a column for each class."),
    ] = "predict"
    timeout: Annotated[
        int, Option("Seconds that a request may take.", metavar="S", minimum=1, maximum=180)
    ] = 60
    no_code: Annotated[
        bool,
        Option(
            "Leave the scoring to the service's own script: no rejects, and other packages in the "
            "model's requirements, so that a copy of the model is registered.",
            in_project=False,
        ),
    ] = False
    preflight: Annotated[
        Literal["built", "here"],
        Option("Where to try the model first: an environment of its own, or the current one."),
    ] = "built"
    trust: Trust = ()
    tracking: Tracking = None

    @property
    def endpoint_name(self) -> str:
        """The name of the endpoint. A ConfigurationError where that or the method cannot be."""
        if self.endpoint is None:
            raise ConfigurationError("--endpoint is missing", "Give the name of an endpoint")
        if not _NAME.fullmatch(self.endpoint):
            raise ConfigurationError(
                f"'{self.endpoint}' cannot be the name of an endpoint",
                "Use 3 to 32 letters, digits and dashes, a letter first",
            )
        if self.no_code and self.method != "predict":
            raise ConfigurationError(
                f"--no-code and --method {self.method} do not go together",
                "The service's own script supports predict only",
            )
        return self.endpoint


@dataclass(frozen=True)
class DeployResult:
    """An endpoint after its traffic was moved.

    Attributes
    ----------
    model_uri, model_version : str or None
        What answers now.
    previous : str or None
        The deployment that answered before, which is kept.
    """

    endpoint: str
    deployment: str
    model_uri: str | None
    model_version: str | None
    scoring_uri: str
    traffic: dict[str, int]
    previous: str | None = None
    seconds: float = 0.0
