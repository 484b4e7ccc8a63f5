"""Query-string filters of lists. An unknown parameter is ignored. Source: ``schemas/query.py``, ``schemas/common.py``.

Use as ``filters: Annotated[ListFilters, query(ListFilters)]``. The order of the fields is that of the messages.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from cornflow_f.validation.marshmallow import DateTime, Int, Text


class QueryModel(BaseModel):
    """Parameters of a query string; unknown ones are ignored. `sent_fields()` leaves the defaults out."""

    model_config = ConfigDict(extra="ignore")

    def sent_fields(self) -> dict[str, Any]:
        return {
            field.alias or name: getattr(self, name)
            for name, field in self.__class__.model_fields.items()
            if name in self.model_fields_set
        }


class BaseFilters(QueryModel):
    limit: Int = 10
    offset: Int = 0
    creation_date_gte: DateTime | None = None
    creation_date_lte: DateTime | None = None
    id: Text | None = None
    name: Text | None = None
    deletion_date_gte: DateTime | None = None
    deletion_date_lte: DateTime | None = None
    update_date_gte: DateTime | None = None
    update_date_lte: DateTime | None = None
    user_name: Text | None = None
    last_name: Text | None = None
    email: Text | None = None
    role_id: Int | None = None
    url_rule: Text | None = None
    description: Text | None = None


class ListFilters(BaseFilters):
    """What lists of instances, executions, cases and tables take."""

    schema_: Annotated[Text | None, Field(alias="schema")] = None
