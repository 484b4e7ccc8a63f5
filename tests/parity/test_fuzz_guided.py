"""What the port's branches decide, and that what nothing reached is listed in every form of the report."""

from __future__ import annotations

import json
import random
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

from parity_core.model import Pair
from parity_tests.fuzz import catalogue, pages
from parity_tests.fuzz.draw.draft import plain
from parity_tests.fuzz.reach import Corpus
from tests.parity.conftest import Shop, pair
from tests.parity.test_fuzz import KNOWN, WAIVERS

LABELS = ("POST /login/", "POST /items/", "GET /items/")


class Told:
    """Reaches what it is given."""

    def __init__(self, *each: set[Hashable]) -> None:
        self.each = iter(each)

    def reached(self, pair: Pair) -> Iterator[Hashable]:
        yield from next(self.each)

    def forget(self) -> None: ...


def test_what_reached_a_new_branch_is_gone_on_from_once_and_first(tmp_path: Path) -> None:
    file = tmp_path / "fuzz.toml"
    file.write_text(KNOWN)
    known = catalogue.build(catalogue.load(file), LABELS)
    corpus = Corpus(known, random.Random(1), Told({"a"}, {"a"}, {"a", "b"}))
    post, get = known.operations["POST /items/"], known.operations["GET /items/"]
    for operation in (post, post, get):
        if corpus.is_new(pair({}, {})):
            corpus.keep([(operation, plain(operation))])
    assert corpus.next()[0][0] is get, "the last that was new"
    assert corpus.next()[0][0] is post
    assert corpus.next() == [], "each once"
    assert corpus.extended(), "but by chance again"


def test_a_guided_run_is_the_same_twice_and_lists_what_nothing_reached(shop: Shop) -> None:
    (shop.folder / "fuzz.toml").write_text(KNOWN)
    (shop.folder / "waivers.toml").write_text(WAIVERS)
    reports = []
    for number in range(2):
        file = shop.folder / f"fuzz{number}.json"
        done = shop.parity(
            "fuzz", "--guided", "--seed", "7", "--exchanges", "150", "-o", "GET /items/*", "-o", "PUT /items/<*",
            "--json", str(file), "--markdown", f"{file}.md", "--html", f"{file}.html",
        )  # fmt: skip
        assert file.exists(), done.stdout + done.stderr
        reports.append(json.loads(file.read_text()))
    first, second = reports
    assert first["guided"]
    assert _asked(first) == _asked(second), "the same seed draws the same requests"
    assert first["reached"]["branches"] == second["reached"]["branches"]
    gaps = {gap["function"] for gap in first["reached"]["gaps"]}
    assert "delete" in gaps, "nothing was asked to delete"
    for text in (done.stdout, pages.markdown(first), Path(f"{file}.html").read_text()):
        assert "shop_port/app.py:" in text
        assert "delete" in text


def _asked(report: dict[str, Any]) -> dict[str, Any]:
    return {label: one["exchanges"] for label, one in report["operations"].items()}
