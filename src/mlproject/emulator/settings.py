"""How an emulator behaves: what goes wrong on demand, and how what is not known is taken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

from mlproject.base.errors import ConfigurationError
from mlproject.base.options import Option, Options

Identity = Literal["secret", "managed", "guest"]
"""Who a client is: with its secret, the managed identity of its machine, or without a role."""

Secrets = Literal["sas", "key", "refused"]
"""What a datastore gives who asks for its secrets: nothing, where that is refused."""

SHARES = ("throttled", "unavailable", "gateway", "reset", "lost")


def _share(fate: str) -> Option:
    return Option(f"Share of requests {fate}.", metavar="SHARE", minimum=0, maximum=1)


@dataclass(frozen=True)
class Settings(Options):
    """How an emulator behaves."""

    throttled: Annotated[
        float, _share("answered with 429, and by the blob store with 503 ServerBusy")
    ] = 0.0
    unavailable: Annotated[float, _share("answered with 503")] = 0.0
    gateway: Annotated[
        float, _share("answered by a gateway: 502, with JSON that has no message")
    ] = 0.0
    reset: Annotated[float, _share("broken off before anything is done")] = 0.0
    lost: Annotated[float, _share("carried out and never answered")] = 0.0
    delay: Annotated[
        float, Option("Seconds by which every request is delayed.", metavar="S", minimum=0)
    ] = 0.0
    retry_after: Annotated[
        int, Option("Seconds that a 429 asks to wait before the next try.", metavar="S", minimum=0)
    ] = 1
    seed: Annotated[
        int, Option("Seed of the faults; the same requests fail for the same seed.")
    ] = 0
    token_life: Annotated[
        float, Option("Seconds for which a token is valid.", metavar="S", minimum=0.1)
    ] = 3600.0
    url_life: Annotated[
        float, Option("Seconds for which a URL of content is valid.", metavar="S", minimum=0.1)
    ] = 3600.0
    listed_after: Annotated[
        float, Option("Seconds until a new artifact is listed.", metavar="S", minimum=0)
    ] = 0.0
    refuse: Annotated[
        str | None,
        Option(
            "Refuse metrics, parameters and tags whose name matches the regular expression.",
            metavar="PATTERN",
        ),
    ] = None
    documented_limits: Annotated[
        bool,
        Option(
            "Refuse what Microsoft's page on limits rules out: a run's 51st tag or metric, and "
            "names of tags over 100 characters."
        ),
    ] = False
    writable_contentinfo: Annotated[
        bool, Option("Let the URL of an artifact's contentinfo write too, not only read.")
    ] = False
    no_write_call: Annotated[
        bool, Option("Leave out the call for a URL that writes an existing artifact (404).")
    ] = False
    job_delay: Annotated[
        float,
        Option(
            "Seconds that a job spends in each status before and after it runs.",
            metavar="S",
            minimum=0,
        ),
    ] = 0.2
    job_fate: Annotated[
        Literal["run", "fail", "preempt", "queue"],
        Option(
            "What becomes of jobs: they run, fail before they start, lose their node while they "
            "run, or stay queued."
        ),
    ] = "run"
    deployment_fate: Annotated[
        Literal["run", "no-image", "crash", "no-quota"],
        Option(
            "What becomes of deployments: they run, get no image or no machine, or their container "
            "crashes."
        ),
    ] = "run"
    any_audience: Annotated[
        bool, Option("Take tokens for any audience, not only those of the real clients.")
    ] = False
    secrets: Annotated[
        Secrets, Option("What datastores answer when they are asked for their secrets.")
    ] = "sas"
    no_key_access: Annotated[
        bool, Option("Refuse the key of the storage account, and what the key has signed.")
    ] = False
    no_storage_role: Annotated[
        bool, Option("Give nobody a role on the storage account, so that no token opens it.")
    ] = False

    def __post_init__(self) -> None:
        shares = {name: float(getattr(self, name)) for name in SHARES}
        given = ", ".join(f"{name} {share:g}" for name, share in shares.items() if share)
        if min(shares.values()) < 0 or sum(shares.values()) > 1 + 1e-9:
            raise ConfigurationError(
                f"Faults are shares of all requests, 0 to 1 together: these are {given}"
            )
        super().__post_init__()
        _ = self.pattern

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        try:
            return re.compile(self.refuse) if self.refuse else None
        except re.error as error:
            raise ConfigurationError(
                f"'{self.refuse}' is not a regular expression: {error}"
            ) from error
