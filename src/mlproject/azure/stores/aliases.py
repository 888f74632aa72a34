"""MLflow's calls on aliases of registered models, which the service does not have.

An alias is a tag of the registered model; setting one is one request. Should the service answer
calls on aliases one day, its answers are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlflow.entities.model_registry import (
    ModelVersion,
    RegisteredModel,
    RegisteredModelAlias,
    RegisteredModelTag,
)
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST
from mlflow.store.model_registry.rest_store import RestStore
from mlflow.utils.validation import (
    _validate_model_alias_name,
    _validate_model_alias_name_reserved,
    _validate_model_version,
)

from mlproject.azure.connection.failures import AzureMLException, NotOffered
from mlproject.azure.stores import bookkeeping

_ALIAS = f"{bookkeeping.PREFIX}alias."


def of_tags(tags: Mapping[str, str]) -> Iterator[RegisteredModelAlias]:
    """Yield the aliases that the tags of a registered model say."""
    for key, number in tags.items():
        if key.startswith(_ALIAS):
            yield RegisteredModelAlias(key.removeprefix(_ALIAS), str(number))


class Aliases(RestStore):
    """The part of a registry store that is about aliases."""

    # What the store it is part of has.
    get_registered_model: Callable[[str], RegisteredModel]
    get_latest_versions: Callable[..., list[ModelVersion]]
    _version_for_user: Callable[[ModelVersion, dict[str, str]], ModelVersion]

    def __init__(self) -> None:
        self._has_aliases = True

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        _validate_model_alias_name(alias)
        _validate_model_alias_name_reserved(alias)
        _validate_model_version(version)
        if self._service_offers(
            lambda: RestStore.set_registered_model_alias(self, name, alias, version)
        ):
            return
        RestStore.get_model_version(self, name, version)
        RestStore.set_registered_model_tag(
            self, name, RegisteredModelTag(f"{_ALIAS}{alias}", str(version))
        )

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Delete an alias; one that is not there is no error, as on MLflow's own servers."""
        if self._service_offers(lambda: RestStore.delete_registered_model_alias(self, name, alias)):
            return
        if alias in self.get_registered_model(name).aliases:
            RestStore.delete_registered_model_tag(self, name, f"{_ALIAS}{alias}")

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        _validate_model_alias_name(alias)
        if alias.lower() == "latest":
            return self._latest(name)
        versions: list[ModelVersion] = []
        if self._service_offers(
            lambda: versions.append(RestStore.get_model_version_by_alias(self, name, alias))
        ):
            return self._version_for_user(versions[0], {})
        aliases = self.get_registered_model(name).aliases
        if alias not in aliases:
            raise AzureMLException(
                f"Registered model alias {alias} not found: '{name}' has none of that name",
                error_code=INVALID_PARAMETER_VALUE,  # as MLflow's own stores say it
            )
        return self._version_for_user(
            RestStore.get_model_version(self, name, aliases[alias]), aliases
        )

    def _service_offers(self, call: Callable[[], Any]) -> bool:
        """Make a call on aliases; return False, from then on at once, when there is none."""
        if not self._has_aliases:
            return False
        try:
            call()
        except NotOffered:
            self._has_aliases = False
            return False
        return True

    def _latest(self, name: str) -> ModelVersion:
        versions = self.get_latest_versions(name)
        if not versions:
            raise AzureMLException(
                f"Latest version not found for model {name}", error_code=RESOURCE_DOES_NOT_EXIST
            )
        return max(versions, key=lambda item: int(item.version))
