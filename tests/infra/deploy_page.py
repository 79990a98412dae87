"""The tables of docs/deploy.md; `python -m tests.infra.deploy_page` writes them anew."""

import argparse
import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from ops.cost import Estimate, estimate
from ops.cost.prices import load
from ops.cost.quota import quota_uses
from ops.offline.engine.recording import Recording
from tests.infra.building import ROOT, stack
from tests.infra.destroying import table as destroy_table

PAGE: Final = ROOT / "docs" / "deploy.md"
STACKS: Final = ("dev", "staging", "prod")
"""The environments in AWS; `local` is made on one machine and costs nothing."""

_MACHINES: Final = "machines, with their volumes and metrics"
_CATEGORIES: Final[Mapping[str, str]] = {
    "aws:autoscaling/group:Group": _MACHINES,
    "aws:lb/loadBalancer:LoadBalancer": "load balancer, with its addresses",
    "aws:ec2/natGateway:NatGateway": "NAT gateways, with their addresses",
    "aws:ec2/eip:Eip": "NAT gateways, with their addresses",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "interface endpoints",
    "aws:kms/key:Key": "keys and secrets",
    "aws:secretsmanager/secret:Secret": "keys and secrets",  # pragma: allowlist secret
    "aws:cloudwatch/metricAlarm:MetricAlarm": "alarms and dashboard",
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": "alarms and dashboard",
    "aws:cloudwatch/dashboard:Dashboard": "alarms and dashboard",
    "aws:wafv2/webAcl:WebAcl": "web ACL",
}


def cost_table(stacks: Mapping[str, Recording]) -> str:
    """What each stack costs, by category, and what no estimate includes."""
    resources = {name: one.as_document()["resources"] for name, one in stacks.items()}
    usual = {name: estimate(found) for name, found in resources.items()}
    most = {name: estimate(found, at_most=True) for name, found in resources.items()}
    rows = {
        category: [_sum(found, category) for found in usual.values()]
        for category in dict.fromkeys(_CATEGORIES.values())
    }
    sums = [_total(found) for found in usual.values()]
    idle = [total - rows[_MACHINES][place] for place, total in enumerate(sums)]
    rows |= {
        "**together**": sums,
        "of that without a machine": idle,
        "with every machine that scaling allows, all the time": [
            _total(found) for found in most.values()
        ],
    }
    lines = [f"| | {' | '.join(stacks)} |", f"|---|{'---:|' * len(stacks)}"]
    lines += [f"| {name} | {' | '.join(map(_dollars, row))} |" for name, row in rows.items()]
    used = dict.fromkeys(text for found in usual.values() for text in found.not_included)
    prices = load()
    rest = _day(prices.rest_as_of)
    where = ", ".join(sorted(prices.regions))
    lines += [
        "",
        f"Machines at the prices of {_day(prices.machines_as_of)}, the rest at those of {rest}.",
        f"Both hold in {where};",
        "elsewhere nothing is priced. A release runs both colours for as long as it takes.",
        "",
        "Not included, because it depends on use:",
        "",
        *(f"* {text};" for text in sorted(used)),
        "* NVIDIA's licence, which AWS does not bill.",
    ]
    return "\n".join(lines) + "\n"


def quota_table(stacks: Mapping[str, Recording]) -> str:
    """How many vCPUs of which quota each stack takes: to begin with, and at most."""
    uses = {
        name: {use.quota: use for use in quota_uses(one.as_document()["resources"])}
        for name, one in stacks.items()
    }
    quotas = dict.fromkeys(quota for found in uses.values() for quota in found)
    lines = [f"| vCPUs | {' | '.join(stacks)} |", f"|---|{'---:|' * len(stacks)}"]
    for quota in quotas:
        for what, which in (
            ("machines that start first", "first"),
            ("every machine that scaling allows, of the largest type", "most"),
        ):
            cells = [
                str(getattr(found[quota], which)) if quota in found else "0"
                for found in uses.values()
            ]
            lines.append(f"| `{quota.code}` {quota.name}: {what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _total(found: Estimate) -> Decimal:
    if found.monthly_usd is None or found.not_priced:
        raise ValueError(f"not priced: {'; '.join(found.not_priced)}; accepted: nothing")
    return found.monthly_usd


def _sum(found: Estimate, category: str) -> Decimal:
    priced = [
        line.monthly_usd
        for line in found.lines
        if _CATEGORIES[line.type] == category and line.monthly_usd is not None
    ]
    return sum(priced, Decimal("0.00"))


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"


def _dollars(amount: Decimal) -> str:
    return f"{amount:,}"


def render(page: str) -> str:
    """The page with its tables as the program and the prices have them now.

    Raises:
        ValueError: the page lacks a place for one of them.
    """
    stacks = {name: stack(name) for name in STACKS}
    blocks = {
        "cost": cost_table(stacks),
        "quota": quota_table(stacks),
        "destroy": destroy_table(stacks),
    }
    for name, block in blocks.items():
        begin, end = f"<!-- begin {name}:", f"<!-- end {name} -->"
        parts = re.split(rf"({begin}[^>]*-->\n).*?({end}\n)", page, flags=re.DOTALL)
        places = len(parts) // 3
        if places != 1:
            raise ValueError(f"docs/deploy.md has {places} places for {name}; accepted: 1")
        before, opening, closing, after = parts
        page = f"{before}{opening}\n{block}\n{closing}{after}"
    return page


if __name__ == "__main__":
    argparse.ArgumentParser(
        prog="python -m tests.infra.deploy_page", description=__doc__
    ).parse_args()
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
