"""The choice that a project saves: a target that answers, or can be expected to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlproject.base import consent, settings
from mlproject.base.errors import ConfigurationError, TrackingError
from mlproject.tracking import azureml, session
from mlproject.tracking.target import AZUREML, Target, check_storable, from_text, origin_folder

# Places on this machine, which are made when they are first used.
_MADE_LATER = ("file:", "sqlite:")


@dataclass(frozen=True)
class Choice:
    """A saved choice.

    Attributes
    ----------
    target : Target or None
        None for a workspace that could not be asked; ``notice`` says why.
    """

    path: Path
    target: Target | None
    notice: str | None = None


def save(text: str) -> Choice:
    """Save a target as the project's choice; TrackingError when it is a server and does not answer.

    Of ``azureml`` the workspace's file has to be there; signing in may come later.
    """
    check_storable(text)
    folder = origin_folder()
    if text.lower() == AZUREML:
        azureml.check_config(folder)
        try:
            target = from_text(text, "TARGET", folder)
        except TrackingError as error:
            return Choice(settings.write_tracking(text), None, str(error))
        return Choice(settings.write_tracking(text), target)
    target = from_text(text, "TARGET", folder)
    if target.name != AZUREML and not target.uri.startswith(_MADE_LATER):
        with session.opened(target) as asked:
            try:
                _ = asked.client
            except (ConfigurationError, TrackingError) as error:
                later = f"Nothing is saved: start it first, or write 'tracking: {text}' into "
                raise type(error)(error.what, f"{later}{settings.FILE_NAME}") from error
    path = settings.write_tracking(text)
    if not target.is_known:
        consent.give(path, [settings.wish_of("tracking", text)])
    return Choice(path, target)
