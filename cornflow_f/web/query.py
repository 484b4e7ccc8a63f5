"""Query strings, read into a model as the legacy's webargs reads them.

FastAPI has parameter models too; reading one costs it more than the rest of a short request, and of
a repeated parameter it takes the last value, where the legacy takes the first.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

Model = TypeVar("Model", bound=BaseModel)
Reader = Callable[[Request], Coroutine[Any, Any, Model]]

_MODELS: dict[Any, type[BaseModel]] = {}
"""Which model a reader reads, for the documents."""


def query(model: type[Model]) -> Any:
    """The default of a parameter: ``filters: Annotated[ListFilters, query(ListFilters)]``."""

    async def read(request: Request) -> Model:
        values: dict[str, str] = {}
        if request.scope["query_string"]:
            for name, value in request.query_params.multi_items():
                values.setdefault(name, value)
        try:
            return model.model_validate(values)
        except ValidationError as error:
            places = [{**problem, "loc": ("query", *problem["loc"])} for problem in error.errors()]
            raise RequestValidationError(places) from error

    _MODELS[read] = model
    return Depends(read)


def model_of(dependency: Any) -> type[BaseModel] | None:
    """The model that a dependency reads from the query string, if it is such a one."""
    return _MODELS.get(dependency)
