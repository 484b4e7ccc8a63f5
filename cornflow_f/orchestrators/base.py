"""What the API needs of an orchestrator: the server that runs workflows and writes results back."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from cornflow_f.constants import ExecutionState


@dataclass(frozen=True, slots=True)
class Workflow:
    """What an orchestrator tells about a workflow it knows."""

    is_paused: bool | None
    """None when the orchestrator does not say."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A workflow in an orchestrator's list."""

    id: str
    description: str | None


class Orchestrator(ABC):
    """Every method but `is_alive` raises OrchestratorError when the orchestrator refuses or fails.

    `checks` asks for the variant of a workflow that only computes checks and KPIs.
    """

    name: ClassVar[str]
    """As messages to clients call it."""
    default_workflow: ClassVar[str]
    can_stop: ClassVar[bool]
    """Whether `stop` is implemented."""
    account: ClassVar[str]
    """The settings with this server's own name and password there."""
    account_refused: bool = False
    """Whether that account was refused when it was used last."""

    @abstractmethod
    async def is_alive(self) -> bool:
        """Whether the orchestrator says that it is healthy. Never raises."""

    async def is_usable(self) -> bool:
        """Whether it is healthy and takes this server's account, as far as that is known. Never raises."""
        return await self.is_alive()

    @abstractmethod
    async def workflow(self, workflow: str, *, checks: bool = False) -> Workflow: ...

    @abstractmethod
    async def run(
        self,
        workflow: str,
        execution_id: str,
        *,
        checks: bool = False,
        case_id: int | None = None,
    ) -> str | None:
        """Starts a run; its id at the orchestrator, None when it tells none. Never sent twice."""

    @abstractmethod
    async def state_of(
        self, workflow: str, run_id: str, *, checks: bool = False
    ) -> ExecutionState: ...

    @abstractmethod
    async def stop(self, workflow: str, run_id: str | None, *, checks: bool = False) -> None: ...
