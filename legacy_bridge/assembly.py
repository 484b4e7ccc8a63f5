"""What joins one legacy and one port, and how a process makes a bridge of it."""

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp
from werkzeug.routing import BaseConverter

from legacy_bridge.bridge import Bridge, BridgeOptions, Legacy, Stacks, census_of, create_bridge
from legacy_bridge.control.access import Operators
from legacy_bridge.guards.gate import GuardError
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.store import ModeStore
from legacy_bridge.operations.census import Census
from legacy_bridge.operations.operation import LegacyRule, PortedOperation
from legacy_bridge.settings import ASSEMBLIES, IN_PROCESS, NONE, BridgeSettings, load_settings
from legacy_bridge.shadow import Comparer, Limits, ShadowObserver
from legacy_bridge.shadow.process.client import ComparerProcess
from legacy_bridge.stacks.in_process import InProcessLegacy
from legacy_bridge.stacks.upstream import UpstreamLegacy
from legacy_bridge.stacks.whole_reply import WSGIApp
from legacy_bridge.supervisor import watch_supervisor
from legacy_bridge.telemetry.per_request import Telemetry
from legacy_bridge.telemetry.tracing import TracingError
from legacy_bridge.telemetry.tracing import create as create_tracing
from parity_core.model import ParityError


class AssemblyError(Exception):
    """The two stacks can't be put together; the text says what is missing."""


@dataclass(frozen=True)
class Proof:
    """A command that exits with 0 when the port, without the legacy, passes parity; 1 when it does not."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Besides that of this process."""


@dataclass(frozen=True)
class Assembly:
    """One legacy and one port."""

    ported: ASGIApp
    ported_operations: Sequence[PortedOperation]
    wsgi: WSGIApp | None
    """The legacy; not used when it is reached over HTTP, None when it can't be imported here."""
    rules: Sequence[LegacyRule]
    database_url: str | None
    """The shared database, where the modes are kept. None: only a census can be taken."""
    root: str = "/"
    """The prefix both live under."""
    converters: Mapping[str, type[BaseConverter]] = field(default_factory=dict)
    """The legacy's own URL converters, by name."""
    comparer: Callable[[bool, Limits], Comparer] | None = None
    """Compares pairs in the modes that have a comparison: told whether the legacy is in this process,
    and what a comparison may cost. None: those modes answer, and nothing is compared."""
    leftovers: Callable[[], Awaitable[Sequence[str]]] | None = None
    """What else still needs the legacy, in words: settings and rows the port can't take over."""
    proof: Proof | None = None
    """How `cutover finish --check` shows that the port alone behaves as the legacy did."""
    guards: Path | None = None
    """A `guards.toml`: holes of the legacy that the bridge refuses while the legacy still answers."""
    operators: Operators | None = None
    """Tells the application's admins, who may operate the bridge. None: only its token does."""


def load(reference: str) -> Assembly:
    """Calls the function that `module:function` names."""
    if not reference:
        offered = ", ".join(sorted(one.value for one in entry_points(group=ASSEMBLIES))) or "none"
        raise AssemblyError(
            "which two applications? Set CUTOVER_ASSEMBLY=module:function, or give --assembly; "
            f"installed: {offered}"
        )
    module_name, _, function_name = reference.partition(":")
    try:
        function: Callable[[], Any] = getattr(
            importlib.import_module(module_name), function_name or "assemble"
        )
    except (ImportError, AttributeError, ValueError) as error:
        raise AssemblyError(
            f"the assembly '{reference}' can't be loaded: {error}. Write module:function"
        ) from error
    made = function()
    if not isinstance(made, Assembly):
        raise AssemblyError(f"'{reference}' must return an Assembly, not {type(made).__name__}")
    return made


def legacy_of(assembly: Assembly, settings: BridgeSettings) -> Legacy | None:
    if settings.legacy == NONE:
        return None
    if settings.legacy == IN_PROCESS:
        if assembly.wsgi is None:
            raise AssemblyError(
                "the legacy is not in this process: say where it is, --legacy http://…"
            )
        return InProcessLegacy(
            assembly.wsgi, threads=settings.legacy_threads, spool_bytes=settings.spool_bytes
        )
    return UpstreamLegacy(
        settings.legacy,
        connect_seconds=settings.legacy_connect_seconds,
        read_seconds=settings.legacy_read_seconds,
        connections=settings.legacy_connections,
        spool_bytes=settings.spool_bytes,
    )


def census(assembly: Assembly, settings: BridgeSettings) -> Census:
    return census_of(
        assembly.rules, assembly.ported_operations, with_legacy=settings.legacy != NONE
    )


def ownership(assembly: Assembly, settings: BridgeSettings) -> Ownership:
    """For a command that looks at the modes or changes them, without serving."""
    return Ownership(
        ModeStore(_database(assembly)),
        census(assembly, settings),
        default=settings.default_mode,
        with_legacy=settings.legacy != NONE,
    )


def _database(assembly: Assembly) -> str:
    if assembly.database_url is None:
        raise AssemblyError("no database is named, where modes could be kept: set DATABASE_URL")
    return assembly.database_url


def bridge(assembly: Assembly, settings: BridgeSettings) -> Bridge:
    stacks = Stacks(
        ported=assembly.ported,
        ported_operations=assembly.ported_operations,
        rules=assembly.rules,
        legacy=legacy_of(assembly, settings),
        root=assembly.root,
        converters=assembly.converters,
    )
    options = BridgeOptions(
        guards=guards_of(assembly, settings),
        default_mode=settings.default_mode,
        allow_force=settings.allow_force,
        token=settings.token,
        operators=assembly.operators,
        observer=observer_of(assembly, settings),
        capture=settings.capture_options,
        telemetry=telemetry_of(settings),
        open_metrics=settings.open_metrics,
        metrics_folder=settings.metrics_folder,
    )
    try:
        return create_bridge(stacks, _database(assembly), options)
    except (GuardError, ParityError) as error:
        raise AssemblyError(str(error)) from error


def guards_of(assembly: Assembly, settings: BridgeSettings) -> Path | None:
    """The file of the guards in force."""
    if settings.guards == NONE:
        return None
    return Path(settings.guards) if settings.guards else assembly.guards


def telemetry_of(settings: BridgeSettings) -> Telemetry:
    try:
        tracing = create_tracing()
    except TracingError as error:
        raise AssemblyError(str(error)) from error
    return Telemetry(settings.log, settings.access_log, tracing)


def observer_of(assembly: Assembly, settings: BridgeSettings) -> ShadowObserver | None:
    if assembly.comparer is None or settings.legacy == NONE:
        return None
    limits = settings.shadow_limits
    comparer = assembly.comparer(settings.legacy == IN_PROCESS, limits)
    if settings.shadow_apart:
        comparer = ComparerProcess(comparer, settings.environment())
    return ShadowObserver(comparer, limits)


def create_app() -> Bridge:
    """The factory of `uvicorn --factory`: all it needs is in the environment."""
    watch_supervisor()
    settings = load_settings()
    return bridge(load(settings.assembly), settings)
