"""Modes, ramps and verdicts for Prometheus, as this worker knows them when it is asked."""

import time
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from legacy_bridge.evidence.warden import Warden
from legacy_bridge.modes.ownership import Ownership
from legacy_bridge.modes.state import NoteKind
from legacy_bridge.operations.operation import Mode


class BridgeState(Collector):
    """All workers of all replicas say the same within two seconds: take any, or the maximum."""

    def __init__(self, ownership: Ownership, warden: Warden) -> None:
        self._ownership = ownership
        self._warden = warden

    def collect(self) -> Iterator[GaugeMetricFamily]:
        owner = self._ownership
        decisions, stored = owner.decisions, owner.stored
        yield _one("cutover_revision", "Grows with every change", decisions.revision)
        yield _one("cutover_killed", "1: the kill switch is on", stored.killed is not None)
        yield _one(
            "cutover_modes_stale",
            "1: the database is away, modes are the last known",
            _stale(owner),
        )
        lag = _one(
            "cutover_evidence_lag_seconds",
            "Seconds since this worker last wrote, read and judged the evidence",
            max(0.0, time.time() - self._warden.looked_at),
        )
        yield lag
        yield from self._modes()
        yield from self._ramps()
        held = GaugeMetricFamily(
            "cutover_held", "1: rolled back and waiting for an operator", labels=["name"]
        )
        for name in stored.of(NoteKind.HOLD):
            held.add_metric([name], 1)
        yield held

    def _modes(self) -> Iterator[GaugeMetricFamily]:
        decisions = self._ownership.decisions
        mode = GaugeMetricFamily(
            "cutover_mode", "1 for the mode in force", labels=["operation", "mode"]
        )
        share = GaugeMetricFamily(
            "cutover_share", "Share of the users the port answers, 0 to 1", labels=["operation"]
        )
        ported = GaugeMetricFamily(
            "cutover_implemented", "1: the port implements it", labels=["operation"]
        )
        for entry in self._ownership.census.entries:
            name, assigned = str(entry.operation), decisions.assignment(entry.operation)
            mode.add_metric([name, assigned.mode.value], 1)
            whole = 1.0 if assigned.mode in (Mode.MIRROR, Mode.PORTED) else 0.0
            part = assigned.percent / 100 if assigned.mode is Mode.CANARY else whole
            share.add_metric([name], part)
            ported.add_metric([name], entry.ported)
        verdict = GaugeMetricFamily(
            "cutover_verdict",
            "1 for what the evidence says of an operation on trial",
            labels=["operation", "verdict"],
        )
        for trial in self._warden.trials():
            for name, judgement in trial.judgements.items():
                verdict.add_metric([name, judgement.verdict.value], 1)
        yield from (mode, share, ported, verdict)

    def _ramps(self) -> Iterator[GaugeMetricFamily]:
        step = GaugeMetricFamily(
            "cutover_ramp_step", "The step a ramp is on, from 1", labels=["name", "state"]
        )
        steps = GaugeMetricFamily("cutover_ramp_steps", "How many it has", labels=["name"])
        for name, ramp in self._ownership.stored.ramps.items():
            step.add_metric([name, ramp.state.value], ramp.step + 1)
            steps.add_metric([name], len(ramp.steps))
        yield from (step, steps)


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _stale(owner: Ownership) -> bool:
    return owner.trouble is not None
