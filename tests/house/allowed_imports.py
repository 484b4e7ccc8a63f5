"""A contract of import-linter: what a package may import from outside itself. All else is refused.

A list of what is forbidden goes stale when a module or a library is added; a list of what is allowed does not.
The standard library needs no entry.
"""

import sys
from collections.abc import Iterable
from typing import Any, cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields
from importlinter.application import output


class AllowedImports(Contract):
    """`sources`: packages, each with all below it. `allowed`: packages, ours or others', that they may import directly."""

    sources = fields.ListField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        allowed = tuple(cast(Iterable[str], self.allowed))
        refused: list[Any] = []
        for source in cast(Iterable[str], self.sources):
            for importer in [source, *sorted(graph.find_descendants(source))]:
                for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                    if not _may(imported, (source, *allowed)):
                        refused += graph.get_import_details(importer=importer, imported=imported)
        return ContractCheck(kept=not refused, metadata={"refused": refused})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for one in check.metadata["refused"]:
            output.print_error(
                f"{one['importer']} (line {one['line_number']}) imports {one['imported']}",
                bold=False,
            )
        output.print_error(
            "Not on the list of what this package may import: import it elsewhere, "
            "or put it on the list in pyproject.toml and say why.",
            bold=False,
        )


def _may(imported: str, allowed: Iterable[str]) -> bool:
    if imported.partition(".")[0] in sys.stdlib_module_names:
        return True
    return any(imported == one or imported.startswith(f"{one}.") for one in allowed)
