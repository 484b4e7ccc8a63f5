"""What clients send to make and to change instances, executions and cases.

A field that may be left out of a body may be absent here: what is absent stays as it is, or gets the
default of the service that reads it.
"""

from typing import Any, NotRequired, TypedDict


class NewInstance(TypedDict):
    """`data` is a JSON document; so are the `checks`."""

    name: str
    data: Any
    description: NotRequired[str]
    checks: NotRequired[Any]
    data_schema: NotRequired[str]
    schema: NotRequired[str]


class InstanceChanges(TypedDict, total=False):
    name: str
    description: str
    data: Any


class NewExecution(TypedDict):
    """`config` is a JSON object; `data`, the solution, is a JSON document."""

    name: str
    config: Any
    instance_id: str
    description: NotRequired[str]
    schema: NotRequired[str]
    data: NotRequired[Any]


class ExecutionChanges(TypedDict, total=False):
    name: str
    description: str
    data: Any
    instance_id: str


class NamedCase(TypedDict):
    """What every new case has. `parent_id` is the folder it lies in; None is the root."""

    name: str
    description: NotRequired[str | None]
    parent_id: NotRequired[int | None]


class NewCase(NamedCase):
    """The documents are JSON; a case without `data` is a folder."""

    schema: str
    data: NotRequired[Any]
    checks: NotRequired[Any]
    solution: NotRequired[Any]
    solution_checks: NotRequired[Any]
    kpis: NotRequired[Any]


class CaseFromRun(NamedCase):
    """One of the two ids names what the documents of the case are copied from."""

    schema: str
    instance_id: NotRequired[str]
    execution_id: NotRequired[str]


class CaseChanges(TypedDict, total=False):
    name: str
    description: str
    parent_id: int | None
