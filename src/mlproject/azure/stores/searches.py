"""Searching registered models as MLflow does, where the service does not.

Prompts are registered models with a tag, of which the service knows nothing; a search that does not
ask for them does not have them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.prompt.constants import IS_PROMPT_TAG_KEY
from mlflow.prompt.registry_utils import add_prompt_filter_string
from mlflow.store.entities.paged_list import PagedList
from mlflow.utils.search_utils import SearchModelUtils

# MLflow's own default.
PAGE = 100
Item = TypeVar("Item", RegisteredModel, ModelVersion)


def wanted(items: Iterable[Item], filter_string: str | None) -> list[Item]:
    """Return what a search is to have of what was found: prompts only where it names them."""
    named = IS_PROMPT_TAG_KEY in (filter_string or "")
    return [item for item in items if named or not item._is_prompt()]


def models(
    read: Callable[[], Sequence[RegisteredModel]],
    filter_string: str,
    max_results: int,
    order_by: list[str] | None,
    page_token: str | None,
) -> PagedList[RegisteredModel]:
    """Return a page of the models that meet a filter; an invalid one is refused before reading."""
    filter_string = str(add_prompt_filter_string(filter_string))
    SearchModelUtils.parse_search_filter(filter_string)
    found = SearchModelUtils.sort(SearchModelUtils.filter(read(), filter_string), order_by)
    page, token = SearchModelUtils.paginate(found, page_token, max_results)
    return PagedList(page, token)
