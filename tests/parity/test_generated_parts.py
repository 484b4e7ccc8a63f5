"""Unit tests and the seed as parts that kill generated mutants: on a small package, and on the shop."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("libcst")
pytest.importorskip("coverage")

from parity_tests import config as configuration
from parity_tests.mutants.generated import make
from parity_tests.mutants.generated.by_tests import TestsHunter
from parity_tests.mutants.generated.imports import ImportGraph
from parity_tests.mutants.generated.model import MutantAttempt, MutantFate
from parity_tests.mutants.generated.population import GeneratedSettings
from tests.parity.conftest import SHOP, Shop

PRICES = "def is_free(price):\n    return price == 0\n"


def test_the_tests_that_import_a_file_most_directly_come_first() -> None:
    graph = ImportGraph(
        {
            "shop/__init__.py": "",
            "shop/prices.py": "import json\n",
            "shop/cart.py": "from .prices import is_free\n",
            "shop/app.py": "import shop.cart\n",
            "tests/test_app.py": "from shop import app\n",
            "tests/test_cart.py": "from shop.cart import total\n",
            "tests/test_prices.py": "from shop import prices\n",
            "tests/test_other.py": "import shop\n",
        }
    )
    tests = [f"tests/test_{name}.py" for name in ("app", "cart", "other", "prices")]
    assert graph.nearest("shop/prices.py", tests) == [
        "tests/test_prices.py", "tests/test_cart.py", "tests/test_app.py",
    ]  # fmt: skip
    assert graph.nearest("shop/app.py", tests) == ["tests/test_app.py"]


def attempt(tmp_path: Path, test: str, seconds: float = 120.0) -> MutantAttempt:
    """The only comparison of `is_free` turned round, by one test of that function."""
    for place in ("tree", "original", "mutant"):
        (tmp_path / place / "cheap").mkdir(parents=True)
        (tmp_path / place / "cheap" / "__init__.py").write_text("")
    for place in ("tree", "original"):
        (tmp_path / place / "cheap" / "prices.py").write_text(PRICES)
    [mutant] = [
        one for one in make.mutants("cheap/prices.py", PRICES) if one.rule == "comparison-flipped"
    ]
    (tmp_path / "mutant" / mutant.file).write_text(make.mutated(mutant, PRICES))
    checks = tmp_path / "tree" / "checks"
    checks.mkdir()
    (checks / "test_prices.py").write_text(test)
    command: Sequence[str] = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "{tests}",
    )
    settings = GeneratedSettings(
        ("cheap/*.py",),
        tests=tuple(command),
        test_files=("checks/test_*.py",),
        tests_beside=("checks",),
    )
    config = configuration.load(SHOP / "parity.toml", {})
    source, original = tmp_path / "tree" / "cheap", tmp_path / "original" / "cheap"
    hunter = TestsHunter(config, settings, source, original, seconds)
    return hunter.hunt(mutant, tmp_path / "mutant")


IMPORT = "from cheap.prices import is_free\n\n"


def test_a_test_kills_what_is_green_without_it(tmp_path: Path) -> None:
    done = attempt(tmp_path, IMPORT + "def test_free():\n    assert is_free(0)\n")
    assert (done.fate, done.places) == (MutantFate.KILLED, ["checks/test_prices.py::test_free"])


def test_a_test_that_sees_nothing_lets_it_live(tmp_path: Path) -> None:
    done = attempt(tmp_path, IMPORT + "def test_free():\n    is_free(0)\n")
    assert (done.fate, done.asked) == (MutantFate.SURVIVED, "1 of 1 test files")


def test_a_test_that_is_red_anyway_kills_nothing(tmp_path: Path) -> None:
    done = attempt(
        tmp_path, IMPORT + "def test_free():\n    assert is_free(2)\n    assert is_free(0)\n"
    )
    assert (done.fate, done.problem) == (
        MutantFate.SURVIVED,
        "red without the mutant, too: checks/test_prices.py::test_free",
    )


def test_a_test_without_an_end_is_no_kill(tmp_path: Path) -> None:
    endless = IMPORT + "def test_free():\n    while not is_free(0):\n        pass\n"
    done = attempt(tmp_path, endless, seconds=8.0)
    assert done.fate is MutantFate.TIMED_OUT


def test_no_test_leads_to_it(tmp_path: Path) -> None:
    assert attempt(tmp_path, "def test_free():\n    assert 0\n").fate is MutantFate.NOT_REACHED


SEED = """
from shop_port.provisioning import users

"""
PROVISIONING = '''"""Makes the first users."""


def users(password):
    return [("admin", password), ("guest", "guest-pw")]


def unused():
    return "nothing"
'''


def test_the_seed_kills_what_no_request_executes(shop: Shop) -> None:
    (shop.folder / "shop_port" / "provisioning.py").write_text(PROVISIONING)
    seed = (shop.folder / "seed.py").read_text()
    (shop.folder / "legacy_seed.py").write_text(seed)
    fixed = "('admin', 'admin-pw'), ('guest', 'guest-pw')"
    assert seed.count(fixed) == 1
    seed = seed.replace(f'VALUES {fixed}"', 'VALUES " + ", ".join(map(str, users("admin-pw")))')
    (shop.folder / "seed.py").write_text(seed.replace("SCRIPT = (", SEED + "SCRIPT = (", 1))
    shop.change(
        "parity.toml", 'commands = [["{python}", "-m", "seed"]]\n',
        'commands = [["{python}", "-m", "seed"]]\nlegacy = [["{python}", "-m", "legacy_seed"]]\n',
    )  # fmt: skip
    mutants = shop.folder / "mutants.toml"
    mutants.write_text('[generated]\nfiles = ["shop_port/provisioning.py"]\n' + mutants.read_text())
    every = make.mutants("shop_port/provisioning.py", PROVISIONING)
    wanted = {
        context: next(
            one.id for one in every
            if one.context == context and one.rule == "constant-changed"
        )
        for context in ("users", "unused")
    }  # fmt: skip
    file = shop.folder / "result.json"
    only = [word for one in wanted.values() for word in ("--only", one)]
    done = shop.parity(
        "mutants", "--generated", "2", "--by", "seed", *only,
        "--reach", str(shop.folder / "reach.json"), "--json", str(file),
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    result = json.loads(file.read_text())
    verdicts = {one["id"]: one["verdict"] for one in result["mutants"]}
    assert verdicts == {wanted["users"]: "killed", wanted["unused"]: "survived: not reached"}
    killed = next(one for one in result["mutants"] if one["verdict"] == "killed")
    assert all(p.startswith("rows/users/") for p in killed["attempts"]["seed"]["places"])
