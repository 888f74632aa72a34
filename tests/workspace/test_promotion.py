"""The registry's gate in a workspace, whose service has no aliases."""

from __future__ import annotations

from typing import Any

import pytest

from mlproject.base.errors import TrackingError
from mlproject.gate import promotion
from mlproject.gate.verdict import Check, Verdict
from tests import promotions
from tests.conftest import Shell
from tests.workspace.conftest import URI, emulated
from tests.workspace.test_logged_models import logged


def test_better_is_promoted_worse_is_not_and_rolling_back_is_exact(azure_shell: Shell) -> None:
    promotions.check_the_whole_story(azure_shell, "of-azure", "--tracking", "azureml")


def test_the_evidence_is_new_to_both_and_as_it_depends(
    azure_shell: Shell, store: Any, name: str
) -> None:
    delete = store.MlflowClient(URI).delete_run
    promotions.check_the_story_of_evidence(azure_shell, name, delete, "--tracking", "azureml")


def test_of_two_at_once_one_wins_and_the_other_is_told(store: Any, name: str) -> None:
    for _ in range(3):
        with store.start_run():
            store.register_model(logged(store).model_uri, name)

    promotions.race(store.MlflowClient(), name, lambda: store.MlflowClient(URI, URI))


def test_a_server_that_goes_away_after_the_verdict_moves_nothing(
    store: Any, name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    context = emulated(tmp_path / "emulator", "--port", "0")
    with context as running:
        for key, value in running.environment.items():
            monkeypatch.setenv(key, value)
        client = store.MlflowClient(URI, URI)
        store.set_experiment("before")
        with store.start_run():
            store.register_model(logged(store).model_uri, name)

        def judge(champion: Any, challenger: Any) -> Verdict:
            monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
            return Verdict((Check("improvement", True, "better"),))

        with pytest.raises(TrackingError, match="was not moved"):
            promotion.promote(client, promotion.Wanted(name, "1", "champion"), judge)

        monkeypatch.setenv("HTTPS_PROXY", running.address)
        assert client.get_registered_model(name).aliases == {}
