"""How the bridge is told what to do: environment variables, so that every worker reads the same."""

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from legacy_bridge.operation import Mode

IN_PROCESS = "in-process"
NONE = "none"


class BridgeSettings(BaseSettings):
    """Field `x` is environment variable `CUTOVER_X`."""

    model_config = SettingsConfigDict(env_prefix="CUTOVER_", extra="ignore", frozen=True)

    assembly: str = "legacy_bridge.cornflow:assemble"
    """`module:function` that joins a legacy and a port."""

    legacy: str = IN_PROCESS
    """`in-process`, the URL of a legacy that runs elsewhere, or `none` when it is gone."""

    legacy_threads: Annotated[int, Field(ge=1, le=1000)] = 15
    """Threads for a legacy in process: as many as its database pool has connections for."""

    allow_force: bool = False
    """Whether `X-Force-Stack` is honoured. For tests: clients could choose their stack."""

    default_mode: Mode = Mode.LEGACY
    """The mode of a ported operation that nobody has set."""

    token: str | None = None
    """Opens the control API; without it the API refuses everybody."""

    @field_validator("legacy")
    @classmethod
    def _known_legacy(cls, value: str) -> str:
        if value in (IN_PROCESS, NONE) or value.startswith(("http://", "https://")):
            return value
        raise ValueError(f"the legacy must be '{IN_PROCESS}', '{NONE}' or an http(s):// address")

    @field_validator("token")
    @classmethod
    def _empty_is_none(cls, value: str | None) -> str | None:
        return value or None
