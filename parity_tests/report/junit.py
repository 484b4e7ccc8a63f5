"""A report as JUnit XML: one test case per operation, which is what build servers draw."""

from __future__ import annotations

from collections import defaultdict
from xml.etree import ElementTree as Xml

from parity_tests.report import document as json_report
from parity_tests.report.document import Document
from parity_tests.report.results import Report
from parity_tests.report.values import printable, told


def render(report: Report) -> bytes:
    return of_document(json_report.document(report))


def of_document(report: Document) -> bytes:
    found: dict[str, list[Document]] = defaultdict(list)
    for one in report["details"]:
        if not one["waiver"]:
            found[one["operation"]].append(one)
    extra = [("waivers", text) for text in report["waiver_problems"]]
    extra += [("journeys", text) for text in report["broken"]]
    suite = Xml.Element(
        "testsuite",
        name=f"parity {report['name']} {report['database']}",
        tests=str(len(report["operations"]) + len(extra)),
        failures=str(len(found) + len(report["waiver_problems"])),
        errors=str(len(report["broken"])),
        time=f"{report['seconds']:.3f}",
    )
    for label, entry in sorted(report["operations"].items()):
        case = Xml.SubElement(suite, "testcase", classname="parity", name=_clean(label))
        case.set("time", f"{sum(entry['seconds'].values()):.3f}")
        if label in found:
            text = "\n".join(
                f"{one['key']} {one['where']} {one['place']}: legacy {told(one['legacy'])}, "
                f"ported {told(one['ported'])} {one['why']}"
                for one in found[label]
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
    """XML has no place for most control characters, nor for two that end a plane."""
    kept = "".join(c if c in "\n\t" or (c >= " " and c not in "￾￿") else "�" for c in text)
    return printable(kept)
