"""What the benchmark of leaks calls flat, and what not. The whole of it is `python -m benchmarks.leaks`."""

import random
import xml.etree.ElementTree as ET

import pytest

from benchmarks.leaks import MemoryRun, MemorySample, judge, picture


def _samples(bytes_per_request: float, *, requests: int = 3000) -> list[MemorySample]:
    """Memory that grows in the warm-up, is noisy afterwards, and leaks that much."""
    noise = random.Random(1)
    return [
        MemorySample(
            done,
            150 + min(done, requests / 3) / requests * 60 + noise.uniform(-1.5, 1.5)
            + done * bytes_per_request / 1024**2,
        )
        for done in range(0, requests, 15)
    ]  # fmt: skip


@pytest.mark.parametrize(("leak", "leaks"), [(0, False), (8192, True), (4000, True)])
def test_a_list_that_grows_is_a_leak_and_a_warm_up_is_none(leak: float, leaks: bool) -> None:
    verdict = judge(_samples(leak), 0.4, 4.0)
    assert verdict.leaks is leaks
    assert verdict.slope == pytest.approx(leak, abs=600)


def test_one_late_step_is_none_and_more_requests_see_less() -> None:
    samples = _samples(0)
    late = [
        MemorySample(one.requests, one.megabytes + (15 if one.requests > 2900 else 0))
        for one in samples
    ]
    assert not judge(late, 0.4, 4.0).leaks
    assert judge(_samples(0, requests=30_000), 0.4, 4.0).sees < judge(samples, 0.4, 4.0).sees / 9


def test_the_picture_has_a_line_for_each_process() -> None:
    run = MemoryRun("shadow", 3000, processes={"worker": _samples(0), "comparing": _samples(1)})
    root = ET.fromstring(picture([run, MemoryRun("ported", 10, processes={"w": _samples(0)})], 0.4))
    assert len(root.findall(".//{*}polyline")) == 3
