"""What each rule makes of a source, and that ids depend on what is changed, not on where it stands."""

import pytest

pytest.importorskip("libcst")

from parity_core.model import ParityError
from parity_tests.mutants.generated.make import NAMES, Generated, difference, mutants, mutated


def made(text: str, rule: str, *skip: str) -> list[str]:
    """The changed lines that a rule makes of a source, one string for each mutant."""
    result = []
    for one in mutants("a.py", text, skip):
        if one.rule == rule:
            after = mutated(one, text, skip)
            compile(after, "a.py", "exec")
            added = difference(one, text, after).splitlines()[2:]
            result.append("; ".join(line[1:].strip() for line in added if line[0] == "+"))
    return result


@pytest.mark.parametrize(
    ("rule", "source", "expected"),
    [
        ("comparison-flipped", "x = a == b", ["x = a != b"]),
        ("comparison-flipped", "x = 1 < a <= b", ["x = 1 >= a <= b", "x = 1 < a > b"]),
        ("comparison-flipped", "x = a not in b", ["x = a in b"]),
        ("comparison-flipped", "x = a is None", ["x = a is not None"]),
        ("bound-moved", "x = a < b", ["x = a <= b"]),
        ("bound-moved", "x = a >= b", ["x = a > b"]),
        ("bound-moved", "x = a == b", []),
        ("condition-negated", "if a:\n    b()", ["if (not (a)):"]),
        ("condition-negated", "x = b if a and c else d", ["x = b if (not (a and c)) else d"]),
        ("condition-negated", "x = [b for b in c if b]", ["x = [b for b in c if (not (b))]"]),
        # `comparison-flipped` and `not-removed` do the same
        ("condition-negated", "if a == b or c:\n    d()", ["if (not (a == b or c)):"]),
        ("condition-negated", "if a == b:\n    c()", []),
        ("condition-negated", "if not a:\n    b()", []),
        ("boolean-swapped", "x = a and b", ["x = a or b"]),
        ("not-removed", "x = not a", ["x = (a)"]),
        ("sum-changed", "x = a + 1", ["x = a - 1"]),
        ("sum-changed", "x = a + 'text'", []),
        ("call-removed", "f(a)", ["pass"]),
        ("call-removed", "x = a.strip()", ["x = a"]),
        ("call-removed", "x = f(a)", []),
        ("await-dropped", "async def f():\n    await g()", ["g()"]),
        ("assignment-removed", "row.name = a", ["pass"]),
        ("assignment-removed", "x['a'] = b", ["pass"]),
        ("assignment-removed", "x = b", []),
        ("clause-dropped", "q = s.where(a, b)", ["q = s.where(b)", "q = s.where(a)"]),
        ("clause-dropped", "q = s.where(a).limit(1)", ["q = s.where(a)", "q = s.limit(1)"]),
        ("return-dropped", "def f():\n    return a", ["return None"]),
        ("return-dropped", "def f():\n    return None", []),
        ("raise-removed", "raise NotFound()", ["pass"]),
        ("error-changed", "raise NotFound()", ["raise RuntimeError()"]),
        (
            "error-changed",
            "def f():\n    raise A('words')\ndef g():\n    raise B",
            ["raise B('words')", "raise A"],
        ),
        (
            "error-changed",
            "try:\n    f()\nexcept (A, B):\n    g()",
            ["except (B,):", "except (A,):"],
        ),
        ("constant-changed", "x = 3", ["x = 4"]),
        ("constant-changed", "x = True", ["x = False"]),
        ("constant-changed", "x = 'text'", ["x = 'XXtext'"]),
        ("constant-changed", "x = rb'text'", ["x = rb'XXtext'"]),
        ("constant-changed", "x = f'no {a} text'", ["x = f'XXno {a} text'", "x = f'no {a}XX text'"]),
        ("constant-changed", "x = {'a': b}", []),
        ("default-changed", "def f(a=3, b=c):\n    pass", ["def f(a=4, b=c):"]),
        ("constant-changed", "def f(a=3):\n    pass", []),
        ("key-renamed", "x = {'a': b}", ["x = {'XXa': b}"]),
        ("key-renamed", "x = y['a']", ["x = y['XXa']"]),
        ("key-renamed", "x = y.get('a', 1)", ["x = y.get('XXa', 1)"]),
        ("key-renamed", "x = dict(a=b)", ["x = dict(XXa=b)"]),
        ("keyword-dropped", "f(a, b=c, d=e)", ["f(a, d=e)", "f(a, b=c)"]),
        ("slice-changed", "x = a[1:b]", ["x = a[:b]", "x = a[1:]"]),
    ],
)  # fmt: skip
def test_what_a_rule_makes(rule: str, source: str, expected: list[str]) -> None:
    assert made(source + "\n", rule) == expected


def test_every_rule_is_tested_above() -> None:
    marks = test_what_a_rule_makes.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for mark in marks for case in mark.args[1]} == set(NAMES)


@pytest.mark.parametrize(
    "source",
    ['"""Words."""\n', "import a\nfrom b import c\n", "def f(a: 'int') -> 'str': ...\n",
     "__all__ = ['a']\n", "if TYPE_CHECKING:\n    x = 1\n"],
)  # fmt: skip
def test_what_does_nothing_is_left_alone(source: str) -> None:
    assert mutants("a.py", source) == []


def test_calls_that_the_configuration_leaves_out() -> None:
    source = "logger.info('words', 1)\nlog('words')\n"
    assert made(source, "call-removed", "logger.*") == ["pass"]
    assert made(source, "constant-changed", "logger.*") == ["log('XXwords')"]
    source = "@cache(2)\ndef f():\n    return 1\n"
    assert made(source, "constant-changed", "cache") == ["return 2"]


SOURCE = """
LIMIT = 20


class Shop:
    def price(self, item):
        if item.free:
            return 0
        return item.price * 2
"""


def ids(text: str) -> set[str]:
    return {one.id for one in mutants("shop/prices.py", text)}


def test_ids_do_not_change_with_lines_elsewhere() -> None:
    before = ids(SOURCE)
    assert before
    longer = "import a\n\nOTHER = f(LIMIT)\n" + SOURCE.replace(
        "        if item", "        self.count(item, 1)\n        if item"
    )
    assert before < ids(longer + "\n\ndef more():\n    return 1\n")
    assert not before & ids(SOURCE.replace("Shop", "Store").replace("LIMIT", "MOST"))


def test_two_that_are_alike_have_two_ids() -> None:
    source = "def f():\n    g(1)\n    g(1)\n"
    found = [one.id for one in mutants("a.py", source) if one.rule == "constant-changed"]
    assert len(found) == 2
    assert found[1] == found[0] + "-2"
    second = next(one for one in mutants("a.py", source) if one.id == found[1])
    assert mutated(second, source) == "def f():\n    g(1)\n    g(2)\n"


def one_of(text: str, rule: str) -> Generated:
    return next(one for one in mutants("a.py", text) if one.rule == rule)


def test_the_lines_that_tell_whether_it_is_reached() -> None:
    assert one_of(SOURCE, "condition-negated").lines == (7, 7)
    assert one_of(
        "def f():\n    return g(\n        a,\n        b=1,\n    )\n", "constant-changed"
    ).lines == (2, 5)
    assert not one_of(SOURCE, "return-dropped").is_import_time
    assert one_of(SOURCE, "constant-changed").names == ("LIMIT",)
    assert one_of("class A:\n    b: int = 1\n", "constant-changed").names == ("A", "b")
    assert one_of("@get('/a/')\ndef f():\n    pass\n", "constant-changed").names == ("f",)
    assert one_of("def f(a=1):\n    pass\n", "default-changed").names == ("f",)


def test_an_id_that_is_none() -> None:
    other = Generated("a.py:f:not-removed:000000", "a.py", "not-removed", "f", (1, 1))
    with pytest.raises(ParityError, match="has no mutant"):
        mutated(other, SOURCE)
