"""A run as JUnit's XML, which every CI shows: a test case a clip, and each other finding."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from ops.qa.alignment import as_text
from ops.qa.judgement import Finding
from ops.qa.run import QaRun


def as_junit(run: QaRun, found: Sequence[Finding]) -> str:
    """Return the XML.

    Args:
        run: What was measured.
        found: What is wrong with it.
    """
    suite = Element("testsuite", name="perch qa", errors="0", skipped="0")
    names = {clip.name for clip in run.clips}
    cases = [clip.name for clip in run.clips]
    cases += sorted({one.about for one in found if one.about not in names})
    broken = 0
    for name in cases:
        case = SubElement(suite, "testcase", classname="perch.qa", name=name)
        wrong = [one for one in found if one.about == name]
        if wrong:
            broken += 1
            failure = SubElement(case, "failure", message=wrong[0].sentence, type=wrong[0].fault)
            failure.text = "\n".join(one.sentence for one in wrong)
        clip = next((clip for clip in run.clips if clip.name == name), None)
        if clip is not None:
            SubElement(case, "system-out").text = as_text(clip.steps)
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(broken))
    return tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
