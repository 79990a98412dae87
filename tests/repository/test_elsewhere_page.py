"""docs/elsewhere.md and its decision name nothing that is not here.

That the way can be walked is not shown: no cluster is to be had where tests run.
"""

import re
from pathlib import Path
from typing import Final

from app.asr import RivaSettings
from app.gateway.settings.gateway import GatewaySettings

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs" / "elsewhere.md").read_text(encoding="utf-8")
DECISION: Final = (ROOT / "docs" / "adr" / "0522-plain-ec2-until-a-cluster-is-there.md").read_text(
    encoding="utf-8"
)


def test_every_variable_is_one_that_the_gateway_reads() -> None:
    named = set(re.findall(r"\b(?:APP|WS|AUDIO|RIVA)_[A-Z_]*[A-Z]\b", PAGE))
    assert len(named) >= 6
    assert named <= RivaSettings.env_keys() | GatewaySettings.env_keys()


def test_every_route_and_metric_is_in_the_contract() -> None:
    contract = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    metrics = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for route in re.findall(r"`(?:GET )?(/\w+)(?:\?[\w=]+)?`", PAGE):
        assert f" {route}`" in contract, route
    for metric in re.findall(r"`(perch_\w+)`", PAGE):
        assert f"`{metric}`" in metrics, metric


def test_every_path_and_link_leads_somewhere() -> None:
    for path in re.findall(r"`((?:app|infra|ops)/[\w./]+)`", PAGE):
        assert (ROOT / path).exists(), path
    for folder, text in ((ROOT / "docs", PAGE), (ROOT / "docs" / "adr", DECISION)):
        for target in re.findall(r"\]\(([^)]+)\)", text):
            assert target.startswith("https://") or (folder / target).is_file(), target


def test_every_source_of_the_decision_is_used_and_given() -> None:
    given = set(re.findall(r"^\[([\w-]+)\]: https://", DECISION, re.MULTILINE))
    assert set(re.findall(r"\]\[([\w-]+)\]", DECISION)) == given
