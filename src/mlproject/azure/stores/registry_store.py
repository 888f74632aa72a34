"""The model-registry store of the scheme ``azureml3``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from azureml.mlflow._store.model_registry.model_registry import AzureMLflowModelRegistry
from mlflow.entities.model_registry import (
    ModelVersion,
    ModelVersionTag,
    RegisteredModel,
    RegisteredModelTag,
)
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.artifact.utils.models import _parse_model_uri
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.rest_store import RestStore
from mlflow.utils.validation import (
    _validate_model_name,
    _validate_model_version_tag,
    _validate_registered_model_tag,
)

from mlproject.azure.connection.calls import Calls, pages
from mlproject.azure.connection.context import Context
from mlproject.azure.connection.failures import AzureMLException, create, if_offered
from mlproject.azure.connection.uris import our_uri, service_uri
from mlproject.azure.stores import aliases, bookkeeping, lacking, long_tags, searches, sources
from mlproject.azure.stores.aliases import Aliases

_MODEL_ID = f"{bookkeeping.PREFIX}model_id"
# The run of a version that was trained on another server.
_RUN_ID = f"{bookkeeping.PREFIX}run_id"


@dataclass(frozen=True)
class _Origin:
    """What a version is made from; the run is the workspace's, or a foreign one."""

    source: str
    run_id: str | None = None
    model_id: str | None = None
    foreign_run_id: str | None = None

    def tags(self) -> list[ModelVersionTag]:
        """Return the tags of ours that a version carries for it."""
        told = {_MODEL_ID: self.model_id, _RUN_ID: self.foreign_run_id}
        return [ModelVersionTag(key, value) for key, value in told.items() if value]


class RegistryStore(Aliases, AzureMLflowModelRegistry):  # type: ignore[misc]
    """Registered models of a workspace, with aliases, which the service does not have.

    An alias is a tag of the registered model; setting one is one request. Should the service
    answer calls on aliases one day, its answers are used.
    """

    def __init__(self, context: Context) -> None:
        Aliases.__init__(self)
        AzureMLflowModelRegistry.__init__(self, context.service)
        self.context = context
        self._calls = Calls(context)

    def _call_endpoint(
        self,
        api: Any,
        json_body: str | None,
        call_all_endpoints: bool = False,
        extra_headers: Any = None,
    ) -> Any:
        if call_all_endpoints:
            endpoint, method = RestStore._get_all_endpoints_from_method(self, api)[0]
        else:
            endpoint, method = RestStore._get_endpoint_from_method(self, api)
        answer = RestStore._get_response_from_method(self, api)
        return self._calls.call(api, method, endpoint, json_body, answer)

    # Registered models

    def create_registered_model(
        self,
        name: str,
        tags: Sequence[RegisteredModelTag] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        """Make a registered model, exactly once: it carries the request that made it."""
        _validate_model_name(name)
        for tag in tags or []:
            _validate_registered_model_tag(tag.key, tag.value)
        request = bookkeeping.new_request()
        carried = [
            *long_tags.written(tags or []),
            RegisteredModelTag(bookkeeping.REQUEST, request),
        ]

        def send() -> Any:
            return RestStore.create_registered_model(self, name, carried, description)

        def find() -> RegisteredModel | None:
            try:
                model = RestStore.get_registered_model(self, name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None
            return model if model._tags.get(bookkeeping.REQUEST) == request else None

        return self._model_for_user(create(send, find))

    def get_registered_model(self, name: str) -> RegisteredModel:
        return self._model_for_user(RestStore.get_registered_model(self, name))

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = searches.PAGE,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return a page of the models that meet a filter, also one that the service does not take.

        Its search knows neither tags nor LIKE; all models are read then, and filtered by MLflow.
        """
        try:
            page = RestStore.search_registered_models(
                self, filter_string, max_results, order_by, page_token
            )
        except MlflowException as error:
            if error.error_code != "INVALID_PARAMETER_VALUE" or not filter_string:
                raise
            return searches.models(
                self._all_models, filter_string, max_results, order_by, page_token
            )
        models = [self._model_for_user(model) for model in page]
        return PagedList(searches.wanted(models, filter_string), page.token)

    def _all_models(self) -> list[RegisteredModel]:
        def read(token: str | None) -> tuple[list[RegisteredModel], str | None]:
            page = RestStore.search_registered_models(self, None, searches.PAGE, None, token)
            return page, page.token

        return [self._model_for_user(model) for model in pages(read)]

    def update_registered_model(self, *arguments: Any, **options: Any) -> RegisteredModel:
        return self._model_for_user(RestStore.update_registered_model(self, *arguments, **options))

    def get_latest_versions(self, name: str, stages: Any = None) -> list[ModelVersion]:
        aliases = self.get_registered_model(name).aliases
        versions = RestStore.get_latest_versions(self, name, stages)
        return [self._version_for_user(version, aliases) for version in versions]

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        renamed: RegisteredModel = if_offered(
            lambda: RestStore.rename_registered_model(self, name, new_name),
            f"Azure ML cannot rename registered models: register the versions of '{name}' "
            f"as '{new_name}'",
        )
        return renamed

    def delete_registered_model(self, name: str) -> None:
        RestStore.get_registered_model(self, name)
        if_offered(
            lambda: RestStore.delete_registered_model(self, name),
            f"Azure ML cannot delete registered models through MLflow: delete the versions of "
            f"'{name}', or archive it in the Studio",
        )

    def set_registered_model_tag(self, name: str, tag: RegisteredModelTag) -> None:
        _validate_registered_model_tag(tag.key, tag.value)
        long_tags.replace(
            tag,
            RestStore.get_registered_model(self, name)._tags,
            lambda item: RestStore.set_registered_model_tag(self, name, item),
            lambda key: RestStore.delete_registered_model_tag(self, name, key),
        )

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        long_tags.delete(
            key,
            RestStore.get_registered_model(self, name)._tags,
            lambda key: RestStore.delete_registered_model_tag(self, name, key),
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
        _validate_model_name(name)
        for tag in tags or []:
            _validate_model_version_tag(tag.key, tag.value)
        request = bookkeeping.new_request()
        carried = [*long_tags.written(tags or []), ModelVersionTag(bookkeeping.REQUEST, request)]
        origin = self._origin(source, run_id, model_id)
        carried += origin.tags()

        def send() -> Any:
            uri, run = service_uri(origin.source), origin.run_id
            return RestStore.create_model_version(
                self, name, uri, run, carried, run_link, description
            )

        def find() -> ModelVersion | None:
            versions = self._all_versions(name)
            return next((v for v in versions if v.tags.get(bookkeeping.REQUEST) == request), None)

        version = self._version_for_user(create(send, find), {})
        if origin.model_id and not version._is_prompt():
            sources.name_version(self.context, origin.model_id, name, version.version)
        return version

    def _origin(self, source: str, run_id: str | None, model_id: str | None) -> _Origin:
        """Return where the files of a new version are, and what they come from."""
        if source.startswith("models:/") and _parse_model_uri(source).model_id is None:
            other = self._version_at(source)
            model_id, run_id = model_id or other.model_id, run_id or other.run_id
            source = self.get_model_version_download_uri(other.name, other.version)
        elif source.startswith("models:/"):
            model = sources.logged_model(self.context, source.removeprefix("models:/"))
            source, run_id = str(model.artifact_location), run_id or model.source_run_id
            model_id = model_id or str(model.model_id)
        if source.startswith("file://"):
            source = sources.uploaded(self.context, source, run_id)
        elif model_id is None and run_id is not None:
            found = sources.newest_of_name(self.context, source, run_id)
            if found is None:
                return _Origin(source, foreign_run_id=run_id)
            source, model_id = found
        return _Origin(source, run_id, model_id)

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        return self._version_with_aliases(RestStore.get_model_version(self, name, version))

    def search_model_versions(
        self, filter_string: str | None = None, *arguments: Any, **options: Any
    ) -> Any:
        page = RestStore.search_model_versions(self, filter_string, *arguments, **options)
        names = {version.name for version in page}
        aliases = {name: self.get_registered_model(name).aliases for name in names}
        versions = [self._version_for_user(version, aliases[version.name]) for version in page]
        return PagedList(searches.wanted(versions, filter_string), page.token)

    def update_model_version(self, *arguments: Any, **options: Any) -> ModelVersion:
        version = RestStore.update_model_version(self, *arguments, **options)
        return self._version_with_aliases(version)

    def transition_model_version_stage(self, *arguments: Any, **options: Any) -> ModelVersion:
        version = RestStore.transition_model_version_stage(self, *arguments, **options)
        return self._version_with_aliases(version)

    def delete_model_version(self, name: str, version: str) -> None:
        """Delete a version, and the aliases that named it."""
        RestStore.delete_model_version(self, name, version)
        for alias, number in self.get_registered_model(name).aliases.items():
            if str(number) == str(version):
                self.delete_registered_model_alias(name, alias)

    def set_model_version_tag(self, name: str, version: str, tag: ModelVersionTag) -> None:
        _validate_model_version_tag(tag.key, tag.value)
        long_tags.replace(
            tag,
            RestStore.get_model_version(self, name, version).tags,
            lambda item: RestStore.set_model_version_tag(self, name, version, item),
            lambda key: RestStore.delete_model_version_tag(self, name, version, key),
        )

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        long_tags.delete(
            key,
            RestStore.get_model_version(self, name, version).tags,
            lambda key: RestStore.delete_model_version_tag(self, name, version, key),
        )

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        uri = RestStore.get_model_version_download_uri(self, name, version)
        return our_uri(str(uri), self.context.workspace)

    def _await_model_version_creation(self, mv: ModelVersion, await_creation_for: int) -> None:
        if str(mv.status) != "READY":
            RestStore._await_model_version_creation(self, mv, await_creation_for)

    # What the service does not have

    def link_prompts_to_trace(self, prompt_versions: Any, trace_id: str) -> None:
        """Do nothing: the trace itself is not kept, of which ``lacking.Lacking`` tells."""

    def _call_webhook_endpoint(self, *_: Any, **__: Any) -> Any:
        raise lacking.not_kept("webhooks")

    # From the service's answers to MLflow's entities

    def _model_for_user(self, model: RegisteredModel) -> RegisteredModel:
        """Return a model without the tags that are ours, and with the aliases that they say."""
        # MLflow hides tags of its own, such as that of prompts, from ``tags``.
        for alias in aliases.of_tags(model._tags):
            model._add_alias(alias)
        model._tags = long_tags.read(model._tags)
        for version in model.latest_versions or []:
            self._version_for_user(version, model.aliases)
        return model

    def _version_with_aliases(self, version: ModelVersion) -> ModelVersion:
        return self._version_for_user(version, self.get_registered_model(version.name).aliases)

    def _version_for_user(self, version: ModelVersion, aliases: dict[str, str]) -> ModelVersion:
        """Return a version without the tags that are ours, with what they say, and our URI."""
        named = [alias for alias, number in aliases.items() if str(number) == str(version.version)]
        version.aliases = sorted({*version.aliases, *named})
        version._source = our_uri(str(version.source or ""), self.context.workspace)
        version._run_id = version.tags.get(_RUN_ID) or version.run_id
        version._model_id = version.tags.get(_MODEL_ID) or version.model_id or None
        version._tags = long_tags.read(version.tags)
        return version

    def _all_versions(self, name: str) -> list[ModelVersion]:
        quote = '"' if "'" in name else "'"

        def read(token: str | None) -> tuple[list[ModelVersion], str | None]:
            page = RestStore.search_model_versions(
                self, f"name={quote}{name}{quote}", max_results=1000, page_token=token
            )
            return page, page.token

        return list(pages(read))

    def _version_at(self, uri: str) -> ModelVersion:
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
