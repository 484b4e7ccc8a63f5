"""A report as JUnit XML: one test case per operation, which is what build servers draw."""

from __future__ import annotations

from collections import defaultdict
from xml.etree import ElementTree as Xml

from parity_tests.report import document as json_report
from parity_tests.report.document import Document, unclear
from parity_tests.report.results import Report
from parity_tests.report.values import described, visible


def render(report: Report) -> bytes:
    return of_document(json_report.document(report))


def of_document(report: Document) -> bytes:
    report = visible(report)
    by_operation: dict[str, list[Document]] = defaultdict(list)
    for one in report["details"]:
        if not one["waiver"]:
            by_operation[one["operation"]].append(one)
    extra = [("waivers", text) for text in report["waiver_problems"]]
    extra += [("journeys", text) for text in report["broken"]]
    extra += [("could not tell", unclear(one)) for one in report.get("unclear", ())]
    suite = Xml.Element(
        "testsuite",
        name=f"parity {report['name']} {report['database']}",
        tests=str(len(report["operations"]) + len(extra)),
        failures=str(len(by_operation) + len(report["waiver_problems"])),
        errors=str(len(report["broken"]) + len(report.get("unclear", ()))),
        time=f"{report['seconds']:.3f}",
    )
    for label, entry in sorted(report["operations"].items()):
        case = Xml.SubElement(suite, "testcase", classname="parity", name=label)
        case.set("time", f"{sum(entry['seconds'].values()):.3f}")
        if label in by_operation:
            text = "\n".join(
                f"{one['key']} {one['where']} {one['place']}: legacy {described(one['legacy'])}, "
                f"ported {described(one['ported'])} {one['why']}"
                for one in by_operation[label]
            )
            Xml.SubElement(
                case, "failure", message=f"{len(by_operation[label])} differences"
            ).text = text
    for kind, text in extra:
        case = Xml.SubElement(suite, "testcase", classname="parity", name=kind)
        Xml.SubElement(case, "failure" if kind == "waivers" else "error", message=text)
    document: bytes = Xml.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document
