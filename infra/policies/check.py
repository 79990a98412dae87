"""Judge a recorded run: `python -m infra.policies.check --recording FILE` (or `-` for stdin).

Prints JSON with these lists, each in the order of the properties:

    findings  policy, property, ids, urn, name, type, message, source; what has to be mended
    excepted  the same with reason, owner and review; what stands in `exemptions.py`
    unjudged  policy, urn, message; what a preview does not know enough for
    overdue   policy, resource, owner, review; exemptions whose review is due

Ends with 0 where there are no findings, 1 where there are, 2 where the file is no recorded run.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from infra.policies.engine.judging import Finding, judge
from infra.policies.engine.recorded import read
from infra.policies.exemptions import EXEMPTIONS, Exemption, exemption_for, overdue
from infra.policies.pack import RULES, policies, today


def verdict(document: object, exemptions: Sequence[Exemption], on: date) -> dict[str, list[Any]]:
    """Return what the pack says of a recorded run, as plain data.

    Raises:
        ValueError: the document is no recorded run.
    """
    resources = read(document)
    sources = _sources(document)
    # Judged without exemptions, so that what is excepted can be shown as well.
    judged = judge(policies((), on), resources)
    verdicts: dict[str, list[Any]] = {"findings": [], "excepted": [], "unjudged": []}
    for finding in judged:
        exemption = exemption_for(finding.policy, finding.urn, exemptions)
        if not finding.judged:
            verdicts["unjudged"].append(
                {"policy": finding.policy, "urn": finding.urn, "message": finding.message}
            )
        elif exemption is None:
            verdicts["findings"].append(_finding(finding, sources))
        else:
            verdicts["excepted"].append({**_finding(finding, sources), **_terms(exemption)})
    verdicts["overdue"] = [
        {"policy": exemption.policy, "resource": exemption.resource, **_terms(exemption)}
        for exemption in overdue(exemptions, on)
    ]
    return verdicts


def _finding(finding: Finding, sources: Mapping[str, str | None]) -> dict[str, Any]:
    rule = next(rule for rule in RULES if rule.name == finding.policy)
    start, _, name = finding.urn.rpartition("::")
    return {
        "policy": rule.name,
        "property": rule.number,
        "ids": list(rule.ids),
        "urn": finding.urn,
        "name": name,
        "type": start.rpartition("::")[2].rpartition("$")[2],
        "message": finding.message,
        "source": sources.get(finding.urn),
    }


def _terms(exemption: Exemption) -> dict[str, str]:
    return {
        "reason": exemption.reason,
        "owner": exemption.owner,
        "review": exemption.review.isoformat(),
    }


def _sources(document: object) -> dict[str, str | None]:
    items = document["resources"] if isinstance(document, Mapping) else []
    return {item["urn"]: item.get("source") for item in items}


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, judge, print."""
    parser = argparse.ArgumentParser(prog="python -m infra.policies.check", description=__doc__)
    parser.add_argument("--recording", required=True, help="JSON of a recorded run, - for stdin")
    chosen = parser.parse_args(arguments)
    try:
        text = (
            sys.stdin.read()
            if chosen.recording == "-"
            else Path(chosen.recording).read_text(encoding="utf-8")
        )
        verdicts = verdict(json.loads(text), EXEMPTIONS, today())
    except (OSError, ValueError) as error:
        sys.stderr.write(f"--recording {chosen.recording}: {error}\n")
        return 2
    sys.stdout.write(json.dumps(verdicts, indent=1, ensure_ascii=False) + "\n")
    return 1 if verdicts["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
