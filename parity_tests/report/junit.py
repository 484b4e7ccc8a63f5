"""A report as JUnit XML: one test case per operation, which is what build servers draw."""

from __future__ import annotations

from collections import defaultdict
from xml.etree import ElementTree as Xml

from parity_tests.model import Finding
from parity_tests.report.terminal import printable
from parity_tests.run import Report


def render(report: Report) -> bytes:
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.differences:
        found[finding.pair.operation.label].append(finding)
    extra = [("waivers", text) for text in report.waiver_problems]
    extra += [("journeys", text) for text in report.broken]
    suite = Xml.Element(
        "testsuite",
        name=f"parity {report.name} {report.database}",
        tests=str(len(report.operations) + len(extra)),
        failures=str(len(found) + len(report.waiver_problems)),
        errors=str(len(report.broken)),
        time=f"{report.seconds:.3f}",
    )
    for label, entry in sorted(report.operations.items()):
        case = Xml.SubElement(suite, "testcase", classname="parity", name=label)
        case.set("time", f"{sum(entry.seconds.values()):.3f}")
        if label in found:
            text = "\n".join(
                f"{f.pair.where} {f.difference.place}: legacy {f.difference.legacy!r}, "
                f"ported {f.difference.ported!r} {f.difference.why}"
                for f in found[label]
            )
            Xml.SubElement(
                case, "failure", message=f"{len(found[label])} differences"
            ).text = _clean(text)
    for kind, text in extra:
        case = Xml.SubElement(suite, "testcase", classname="parity", name=kind)
        Xml.SubElement(case, "failure" if kind == "waivers" else "error", message=_clean(text))
    document: bytes = Xml.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document


def _clean(text: str) -> str:
    """XML has no place for most control characters."""
    return printable("".join(c if c in "\n\t" or c >= " " else "�" for c in text))
