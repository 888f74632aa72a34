"""What a server is started with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from mlproject.base.options import Argument, Option, Options, Tracking, Trust, size_in_bytes


@dataclass(frozen=True)
class ServeRequest(Options):
    """What a server is asked for with."""

    model: Annotated[
        str,
        Argument(
            "Model: runs:/ID/NAME, models:/NAME/VERSION, models:/NAME@ALIAS, or a folder.",
            metavar="MODEL",
        ),
    ]
    host: Annotated[
        str,
        Option(
            "Address to listen on; 0.0.0.0 accepts requests of other machines.", metavar="ADDRESS"
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Option("Port; 0 for any free one.", minimum=0, maximum=65535)] = 5001
    method: Annotated[
        Literal["predict", "predict_proba"],
        Option("Method of the model to call; predict_proba adds a column for each class."),
    ] = "predict"
    max_body: Annotated[str, Option("Largest body of a request, such as 16MB.", metavar="SIZE")] = (
        "16MB"
    )
    timeout: Annotated[
        float, Option("Seconds after which a request times out.", metavar="S", above=0)
    ] = 60.0
    refresh: Annotated[
        float,
        Option(
            "Seconds between checks of whether the alias of the model has moved.", "S", minimum=0.1
        ),
    ] = 10.0
    trust: Trust = ()
    tracking: Tracking = None

    @property
    def max_bytes(self) -> int:
        """The largest body in bytes. A ConfigurationError when it is no size."""
        return size_in_bytes("--max-body", self.max_body)
