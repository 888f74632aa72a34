"""The model-registry store of the scheme ``azureml3``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from azureml.mlflow._store.model_registry.model_registry import AzureMLflowModelRegistry
from mlflow.entities.model_registry import (
    ModelVersion,
    ModelVersionTag,
    RegisteredModel,
    RegisteredModelAlias,
    RegisteredModelTag,
)
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import NOT_IMPLEMENTED, RESOURCE_DOES_NOT_EXIST
from mlflow.protos.model_registry_pb2 import (
    CreateModelVersion,
    CreateRegisteredModel,
    DeleteModelVersion,
    DeleteModelVersionTag,
    DeleteRegisteredModelTag,
)
from mlflow.store.artifact.utils.models import _parse_model_uri
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.rest_store import RestStore
from mlflow.utils.validation import _validate_model_alias_name_reserved

from mlproject.azure import bookkeeping, sources
from mlproject.azure.calls import Calls, create, settle
from mlproject.azure.context import Context
from mlproject.azure.failures import AzureMLException, NotOffered
from mlproject.azure.places import ours, services

T = TypeVar("T")
_ALIAS = f"{bookkeeping.PREFIX}alias."
_MODEL_ID = f"{bookkeeping.PREFIX}model_id"
_MAKING = (CreateModelVersion, CreateRegisteredModel)
_DELETING = (DeleteModelVersion, DeleteModelVersionTag, DeleteRegisteredModelTag)


class RegistryStore(AzureMLflowModelRegistry):  # type: ignore[misc]
    """Registered models of a workspace, with aliases, which the service does not have.

    An alias is a tag of the registered model; setting one is one request. Should the service
    answer calls on aliases one day, its answers are used.

    Parameters
    ----------
    context : Context
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context.service)
        self.context = context
        self._calls = Calls(context)
        self._has_aliases = True

    def _call_endpoint(
        self, api: Any, json_body: str | None, call_all_endpoints: bool = False, **_: Any
    ) -> Any:
        if call_all_endpoints:
            endpoint, method = self._get_all_endpoints_from_method(api)[0]
        else:
            endpoint, method = self._get_endpoint_from_method(api)
        answer = self._get_response_from_method(api)

        def send() -> Any:
            once = api in _MAKING or api in _DELETING
            return self._calls.call(endpoint, method, json_body, answer, once=once)

        if api in _DELETING:
            return settle(send, "RESOURCE_DOES_NOT_EXIST") or answer
        return send()

    # Registered models

    def create_registered_model(
        self,
        name: str,
        tags: Sequence[RegisteredModelTag] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        """Make a registered model, exactly once: it carries the request that made it."""
        request = bookkeeping.new_request()
        carried = [*(tags or []), RegisteredModelTag(bookkeeping.REQUEST, request)]

        def send() -> RegisteredModel:
            made: RegisteredModel = RestStore.create_registered_model(
                self, name, carried, description
            )
            return made

        def find() -> RegisteredModel | None:
            try:
                found = RestStore.get_registered_model(self, name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None
            return found if found.tags.get(bookkeeping.REQUEST) == request else None

        return self._shown(create(send, find))

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a registered model with its aliases."""
        return self._shown(RestStore.get_registered_model(self, name))

    def search_registered_models(self, *arguments: Any, **options: Any) -> Any:
        """Return the registered models that meet a condition."""
        found = RestStore.search_registered_models(self, *arguments, **options)
        return PagedList([self._shown(item) for item in found], found.token)

    def update_registered_model(self, *arguments: Any, **options: Any) -> RegisteredModel:
        """Change the description of a registered model."""
        return self._shown(RestStore.update_registered_model(self, *arguments, **options))

    def get_latest_versions(self, name: str, stages: Any = None) -> list[ModelVersion]:
        """Return the latest version of each stage."""
        aliases = self.get_registered_model(name).aliases
        found = RestStore.get_latest_versions(self, name, stages)
        return [self._version(item, aliases) for item in found]

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Say that the service cannot, unless it can by now."""
        renamed: RegisteredModel = self._unless_lacking(
            lambda: RestStore.rename_registered_model(self, name, new_name),
            f"Azure ML cannot rename registered models: register the versions of '{name}' "
            f"as '{new_name}'",
        )
        return renamed

    def delete_registered_model(self, name: str) -> None:
        """Say that the service cannot, unless it can by now."""
        self._unless_lacking(
            lambda: RestStore.delete_registered_model(self, name),
            f"Azure ML cannot delete registered models through MLflow: delete the versions of "
            f"'{name}', or archive it in the Studio",
        )

    # Versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Sequence[ModelVersionTag] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Make a version, exactly once. A logged model is registered from its run's artifacts."""
        request = bookkeeping.new_request()
        carried = [*(tags or []), ModelVersionTag(bookkeeping.REQUEST, request)]
        if source.startswith("models:/") and _parse_model_uri(source).model_id is None:
            other = self._named(source)
            model_id, run_id = model_id or other.model_id, run_id or other.run_id
            source = self.get_model_version_download_uri(other.name, other.version)
        elif source.startswith("models:/"):
            model = sources.logged_model(self.context, source.removeprefix("models:/"))
            source, run_id = str(model.artifact_location), run_id or model.source_run_id
            model_id = model_id or str(model.model_id)
        if source.startswith("file://"):
            source = sources.uploaded(self.context, source, run_id)
        elif model_id is None and run_id is not None:
            source, model_id = sources.newest_of_name(self.context, source, run_id)
        if model_id:
            carried.append(ModelVersionTag(_MODEL_ID, model_id))
        place = services(source)

        def send() -> ModelVersion:
            made: ModelVersion = RestStore.create_model_version(
                self, name, place, run_id, carried, run_link, description
            )
            return made

        def find() -> ModelVersion | None:
            for item in self._all_versions(name):
                if item.tags.get(bookkeeping.REQUEST) == request:
                    return item
            return None

        return self._version(create(send, find), {})

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """Return a version with its aliases."""
        found = RestStore.get_model_version(self, name, version)
        return self._version(found, self.get_registered_model(name).aliases)

    def search_model_versions(self, *arguments: Any, **options: Any) -> Any:
        """Return the versions that meet a condition, with their aliases."""
        found = RestStore.search_model_versions(self, *arguments, **options)
        aliases = {
            name: self.get_registered_model(name).aliases for name in {v.name for v in found}
        }
        versions = [self._version(item, aliases[item.name]) for item in found]
        return PagedList(versions, found.token)

    def update_model_version(self, *arguments: Any, **options: Any) -> ModelVersion:
        """Change the description of a version."""
        found = RestStore.update_model_version(self, *arguments, **options)
        return self._version(found, self.get_registered_model(found.name).aliases)

    def transition_model_version_stage(self, *arguments: Any, **options: Any) -> ModelVersion:
        """Move a version to another stage."""
        found = RestStore.transition_model_version_stage(self, *arguments, **options)
        return self._version(found, self.get_registered_model(found.name).aliases)

    def delete_model_version(self, name: str, version: str) -> None:
        """Delete a version, and the aliases that named it."""
        RestStore.delete_model_version(self, name, version)
        for alias, number in self.get_registered_model(name).aliases.items():
            if str(number) == str(version):
                self.delete_registered_model_alias(name, alias)

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Return where the files of a version are, under our scheme."""
        uri = RestStore.get_model_version_download_uri(self, name, version)
        return ours(str(uri), self.context.workspace)

    def _await_model_version_creation(self, mv: ModelVersion, await_creation_for: int) -> None:
        if str(mv.status) != "READY":
            super()._await_model_version_creation(mv, await_creation_for)

    # Aliases

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Have an alias name a version."""
        _validate_model_alias_name_reserved(alias)
        if self._of_service(
            lambda: RestStore.set_registered_model_alias(self, name, alias, version)
        ):
            return
        RestStore.get_model_version(self, name, version)
        RestStore.set_registered_model_tag(
            self, name, RegisteredModelTag(f"{_ALIAS}{alias}", str(version))
        )

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Delete an alias; one that is not there is no error, as on MLflow's own servers."""
        if self._of_service(lambda: RestStore.delete_registered_model_alias(self, name, alias)):
            return
        if alias in self.get_registered_model(name).aliases:
            RestStore.delete_registered_model_tag(self, name, f"{_ALIAS}{alias}")

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Return the version that an alias names."""
        found: list[ModelVersion] = []
        if self._of_service(
            lambda: found.append(RestStore.get_model_version_by_alias(self, name, alias))
        ):
            return self._version(found[0], {})
        aliases = self.get_registered_model(name).aliases
        if alias not in aliases:
            raise AzureMLException(
                f"The registered model '{name}' has no alias '{alias}'",
                error_code=RESOURCE_DOES_NOT_EXIST,
            )
        return self._version(RestStore.get_model_version(self, name, aliases[alias]), aliases)

    def _of_service(self, call: Callable[[], Any]) -> bool:
        """Make a call on aliases; return False, from then on at once, when there is none."""
        if not self._has_aliases:
            return False
        try:
            call()
        except NotOffered:
            self._has_aliases = False
            return False
        return True

    # From the service's answers to MLflow's entities

    def _shown(self, model: RegisteredModel) -> RegisteredModel:
        aliases = dict(model.aliases)
        aliases |= {
            key.removeprefix(_ALIAS): value
            for key, value in model.tags.items()
            if key.startswith(_ALIAS)
        }
        shown = {k: v for k, v in model.tags.items() if not bookkeeping.hidden(k)}
        return RegisteredModel(
            model.name,
            creation_timestamp=model.creation_timestamp,
            last_updated_timestamp=model.last_updated_timestamp,
            description=model.description,
            latest_versions=[self._version(v, aliases) for v in model.latest_versions or []],
            tags=[RegisteredModelTag(key, value) for key, value in shown.items()],
            aliases=[RegisteredModelAlias(key, str(value)) for key, value in aliases.items()],
        )

    def _version(self, found: ModelVersion, aliases: dict[str, str]) -> ModelVersion:
        tags = found.tags
        named = [key for key, number in aliases.items() if str(number) == str(found.version)]
        shown = {k: v for k, v in tags.items() if not bookkeeping.hidden(k)}
        return ModelVersion(
            name=found.name,
            version=str(found.version),
            creation_timestamp=found.creation_timestamp,
            last_updated_timestamp=found.last_updated_timestamp,
            description=found.description,
            user_id=found.user_id,
            current_stage=found.current_stage,
            source=ours(str(found.source or ""), self.context.workspace),
            run_id=found.run_id,
            status=found.status,
            status_message=found.status_message,
            tags=[ModelVersionTag(key, value) for key, value in shown.items()],
            run_link=found.run_link,
            aliases=sorted({*found.aliases, *named}),
            model_id=tags.get(_MODEL_ID) or found.model_id or None,
        )

    def _all_versions(self, name: str) -> list[ModelVersion]:
        quote = '"' if "'" in name else "'"
        found: list[ModelVersion] = []
        token = None
        while True:
            page = RestStore.search_model_versions(
                self, f"name={quote}{name}{quote}", max_results=1000, page_token=token
            )
            found += page
            token = page.token
            if not token:
                return found

    def _named(self, uri: str) -> ModelVersion:
        """Return the version that a URI names by number, alias or stage, or as the latest."""
        parsed = _parse_model_uri(uri)
        name = str(parsed.name)
        if parsed.version is not None:
            return self.get_model_version(name, parsed.version)
        if parsed.alias is not None:
            return self.get_model_version_by_alias(name, parsed.alias)
        known = self._all_versions(name)
        if parsed.stage is not None:
            known = [item for item in known if item.current_stage == parsed.stage]
        if not known:
            raise AzureMLException(
                f"There is no model version {uri}", error_code=RESOURCE_DOES_NOT_EXIST
            )
        return max(known, key=lambda item: int(item.version))

    def _unless_lacking(self, call: Callable[[], T], otherwise: str) -> T:
        try:
            return call()
        except NotOffered as error:
            raise AzureMLException(otherwise, error_code=NOT_IMPLEMENTED) from error
