"""``mlproject ui``."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

from mlproject.base.console import Reporter
from mlproject.base.options import Argument, Option, Tracking
from mlproject.cli.frame import command


@command(workspace=True)
def ui(
    reporter: Reporter,
    run: Annotated[str | None, Argument("ID of the run to show; by default all runs.")] = None,
    port: Annotated[
        int | None,
        Option("Port on this machine.", minimum=1, maximum=65535, unset="any free one"),
    ] = None,
    browser: Annotated[
        bool, Option("Print the address, and open no browser.", in_project=False)
    ] = True,
    tracking: Tracking = None,
) -> dict[str, Any]:
    """Open the page of RUN, or of all runs: MLflow's own, or the Studio's on Azure ML.

    For a store of files or a database MLflow's server is started, on this machine only, until
    Ctrl-C.

    \b
    Example:
      mlproject ui
    """
    from mlproject.models import finding
    from mlproject.tracking import session as sessions
    from mlproject.tracking import ui as pages
    from mlproject.tracking.target import AZUREML, resolve

    target = resolve(tracking)
    target.check_there()
    found = None
    with sessions.opened(target) as session:
        if run is not None:
            found = finding.run_of(session, run)
        elif target.name != AZUREML:  # where a browser signs in by itself
            session.client  # noqa: B018 - which has to answer
    if pages.is_served(target) and port is not None:
        reporter.warn("--port is not used: no server is started here")

    def show(address: str) -> None:
        reporter.emit(address)
        if browser and not pages.show(address):
            reporter.say("No browser can be opened here: open the address yourself")

    address = ""
    if pages.is_served(target):
        address = pages.page_of(target, found)
        show(address)
        return {"url": address}
    with suppress(KeyboardInterrupt), pages.served(target, port, reporter) as server:
        address = pages.page_of(target, found, server.address)
        show(address)
        reporter.say("Ctrl-C ends it")
        server.wait()
    return {"url": address}
