"""How the bridge is told what to do: environment variables, so that every worker reads the same."""

import os
import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from legacy_bridge.capture.options import CaptureOptions
from legacy_bridge.operations.operation import Mode, Operation
from legacy_bridge.shadow.limits import Limits, Priority
from legacy_bridge.stacks.spool import DISK
from legacy_bridge.stacks.upstream import CONNECT_SECONDS, CONNECTIONS, READ_SECONDS
from legacy_bridge.supervisor import SUPERVISOR
from legacy_bridge.telemetry.logs import LogFormat
from parity_core.files.sentence import nearest, problem_of

IN_PROCESS = "in-process"
NONE = "none"

ASSEMBLIES = "cutover.assembly"
"""The entry points by which an installed package offers to join its legacy and its port."""


def installed_assembly() -> str:
    """The one assembly that is installed; empty when there is none, or more than one to choose from."""
    # the same one twice is one: a checkout's own description beside the wheel's, say
    offered = {point.value for point in entry_points(group=ASSEMBLIES)}
    return offered.pop() if len(offered) == 1 else ""


PREFIX = "CUTOVER_"
_SERVICE_LINK = re.compile(r"CUTOVER_(SERVICE_(HOST|PORT)|PORT)(_\w+)?")
"""Kubernetes gives these to every container beside a Service that is called `cutover`."""


class SettingsError(Exception):
    """The environment, or an option, does not say what the bridge can do; the message is one sentence."""


class BridgeSettings(CaptureOptions, BaseSettings):
    """Field `x` is environment variable `CUTOVER_X`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    assembly: Annotated[str, Field(default_factory=lambda: installed_assembly())]
    """`module:function` that joins a legacy and a port; not set: the one that is installed."""

    rules: Path | None = None
    """The legacy's rules where it cannot be imported: a file that `cutover census --json` wrote."""

    legacy: str = IN_PROCESS
    """`in-process`, the URL of a legacy that runs elsewhere, or `none` when it is gone."""

    legacy_threads: Annotated[int, Field(ge=1, le=1000)] = 15
    """Threads for a legacy in process: as many as its database pool has connections for."""

    legacy_connect_seconds: Annotated[float, Field(gt=0)] = CONNECT_SECONDS
    """Seconds to reach a legacy that runs elsewhere, and to wait for a free connection to it; then 502
    or 504."""

    legacy_read_seconds: Annotated[float, Field(gt=0)] = READ_SECONDS
    """Seconds without a byte from a legacy that runs elsewhere, or to it, after which the reply is 504."""

    legacy_connections: Annotated[int, Field(ge=1)] = CONNECTIONS
    """Connections that each worker opens to a legacy that runs elsewhere, at most."""

    head_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How long a client may take to send the head of a request; then 408."""

    body_seconds: Annotated[float, Field(gt=0)] = 120.0
    """The same for a body, and one second more for each 500 bytes of it."""

    max_connections: Annotated[int, Field(ge=0)] = 0
    """Connections that each worker takes; more are a 503. 0: half of the files that it may open
    (`ulimit -n`), 10,000 at most."""

    spool_bytes: Annotated[int, Field(ge=0)] = DISK
    """Bytes of bodies on their way to and from the legacy that each worker keeps on disk at most."""

    guards: str = ""
    """A file of guards instead of the assembly's; `none`: no guards."""

    allow_force: bool = False
    """Whether `X-Force-Stack` is honoured. For tests: clients could choose their stack."""

    default_mode: Mode = Mode.LEGACY
    """The mode of a ported operation that nobody has set."""

    token: str | None = None
    """Opens the control API; without it only admins of the application get in."""

    log: LogFormat = LogFormat.TEXT
    """How log lines are written: `text` or `json`."""

    access_log: bool = False
    """A line for each request: operation, mode, stack, status, milliseconds, request id."""

    open_metrics: bool = False
    """Whether `/_cutover/metrics` is open to everybody."""

    metrics_folder: Path | None = None
    """Where the workers of one machine show each other their counts; `serve --workers` makes one."""

    shadow_share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The share of the requests in a mode with a comparison that are compared."""

    shadow_shares: str = ""
    """The same for single operations: `POST /case/=0.1; GET /case/=0.5`."""

    shadow_rate: Annotated[float, Field(ge=0)] = 10.0
    """Pairs of one operation that each worker compares in a second, in the long run; 0: no limit."""

    shadow_items: Annotated[int, Field(ge=1)] = 200
    """Pairs that wait to be compared; more are dropped, and counted."""

    shadow_bytes: Annotated[int, Field(ge=1)] = 32 * 1024 * 1024
    """Bytes that waiting pairs may take."""

    shadow_max_body: Annotated[int, Field(ge=0)] = 1024 * 1024
    """Pairs with a longer request or reply are not compared, and counted."""

    shadow_workers: Annotated[int, Field(ge=1, le=32)] = 1
    """Comparisons at the same time."""

    shadow_seconds: Annotated[float, Field(gt=0)] = 10.0
    """How long one comparison may take."""

    shadow_age: Annotated[float, Field(gt=0)] = 15.0
    """Seconds after which a pair that waits is dropped, and counted: by then others have written."""

    shadow_apart: bool = True
    """Whether comparisons run in a process of their own, beside each worker: no client waits for them
    then, and each takes the memory of both stacks once more."""

    shadow_priority: Priority = Priority.LOW
    """Of that process: `idle`, `low` or `normal`."""

    @field_validator("legacy")
    @classmethod
    def _known_legacy(cls, value: str) -> str:
        if value in (IN_PROCESS, NONE) or value.startswith(("http://", "https://")):
            return value
        raise ValueError(f"the legacy must be '{IN_PROCESS}', '{NONE}' or an http(s):// address")

    @property
    def capture_options(self) -> CaptureOptions | None:
        return None if self.capture is None else self

    def environment(self) -> dict[str, str]:
        """All of them as variables: a new process that is given them reads the same settings."""
        return {
            f"{PREFIX}{name.upper()}": str(value)
            for name, value in self.model_dump(mode="json").items()
            if value is not None
        }

    @property
    def shadow_limits(self) -> Limits:
        return Limits(
            share=self.shadow_share,
            shares=shares(self.shadow_shares),
            rate=self.shadow_rate,
            items=self.shadow_items,
            bytes=self.shadow_bytes,
            age=self.shadow_age,
            body=self.shadow_max_body,
            workers=self.shadow_workers,
            seconds=self.shadow_seconds,
        )

    @field_validator("shadow_shares")
    @classmethod
    def _readable_shares(cls, value: str) -> str:
        shares(value)
        return value

    @field_validator("token")
    @classmethod
    def _empty_is_none(cls, value: str | None) -> str | None:
        return value or None


def load_settings(**options: Any) -> BridgeSettings:
    """The environment's settings, with options of a command over them. Raises SettingsError."""
    if wrong := unknown_variable(os.environ):
        raise SettingsError(wrong)
    try:
        return BridgeSettings(**options)
    except ValidationError as error:
        environment = {
            name: os.environ[variable]
            for name in BridgeSettings.model_fields
            if (variable := f"{PREFIX}{name.upper()}") in os.environ
        }
        values = environment | options
        problem = problem_of(error, BridgeSettings, values)
        name = str(problem.loc[0]) if problem.loc else ""
        variable = f"{PREFIX}{name.upper()}"
        said = f"--{name.replace('_', '-')}" if name in options else variable
        raise SettingsError(problem.text.replace(f"`{name}`", said, 1)) from None


def unknown_variable(environment: Mapping[str, str]) -> str:
    """What is wrong with the first `CUTOVER_*` variable that is no setting; empty when all are."""
    known = [*(f"{PREFIX}{name.upper()}" for name in BridgeSettings.model_fields), SUPERVISOR]
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            if _SERVICE_LINK.fullmatch(name):
                continue
            return f"{name} is no setting of the bridge{nearest(name, known[:-1])}"
    return ""


def shares(text: str) -> dict[str, float]:
    """`POST /case/=0.1; GET /case/=0.5` as a mapping. Raises ValueError."""
    share_of: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, _, share = part.rpartition("=")
        if not name or not 0 <= float(share) <= 1:
            raise ValueError(f"'{part}' is not OPERATION=SHARE with a share from 0 to 1")
        share_of[str(Operation.parse(name))] = float(share)
    return share_of
