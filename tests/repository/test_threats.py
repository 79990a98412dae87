"""The threat model speaks of tests that exist and run, and of every way in.

That the list of attempts is complete nobody can show; what is listed here is what is open: routes,
ports, workflows.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING, cast

import pytest

from app.gateway.grpc_front.server import SERVICES
from app.gateway.server.app import create_app
from app.gateway.settings.gateway import GatewaySettings
from ops.local.open_ports import OPEN_PORTS
from tests.docs import ROOT
from tests.support.memory_recogniser import MemoryRecogniser
from tests.support.threats.page import ATTACKERS, threats_section
from tests.support.threats.row import ASSETS

if TYPE_CHECKING:
    from pathlib import Path

    from app.asr import RivaASRClient

TESTS = sorted({test for one in ATTACKERS for threat in one.threats for test in threat.tests})


def functions(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("test", TESTS)
def test_a_test_that_is_named_is_there(test: str) -> None:
    path, _, name = test.partition("::")
    assert name.startswith("test_")
    assert (ROOT / "tests" / path).is_file(), path
    assert name in functions(ROOT / "tests" / path)


@pytest.mark.slow
def test_every_test_that_is_named_is_collected() -> None:
    files = sorted({f"tests/{test.partition('::')[0]}" for test in TESTS})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *files], cwd=ROOT, capture_output=True, text=True, check=True, timeout=110
    )
    collected = {line.partition("[")[0] for line in done.stdout.splitlines() if "::" in line}
    assert {f"tests/{test}" for test in TESTS} <= collected


def test_every_threat_has_a_test_and_an_asset_that_is_listed() -> None:
    for attacker in ATTACKERS:
        for threat in attacker.threats:
            assert threat.tests, threat.attempt
            assert set(threat.aims_at.split()) <= set(ASSETS), threat.attempt
            for text in (threat.attempt, threat.stopped_by, attacker.who, attacker.entry):
                assert "|" not in text
                assert "\n" not in text


def test_every_asset_is_aimed_at() -> None:
    aims = {letter for one in ATTACKERS for threat in one.threats for letter in threat.aims_at}
    assert aims - {" "} == set(ASSETS)


def test_every_route_and_every_workflow_is_an_entry_of_somebody() -> None:
    entries = " ".join(attacker.entry for attacker in ATTACKERS)
    settings = GatewaySettings.model_validate({"app_resume_keys": "k" * 32})
    recogniser = cast("RivaASRClient", MemoryRecogniser())
    routes = {str(vars(route)["path"]) for route in create_app(settings, recogniser).routes}
    assert len(routes) > 5
    for path in routes - {"/{path:path}"}:
        assert f"`{path}`" in entries, path
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        assert workflow.stem in entries, workflow


def test_every_service_over_grpc_is_an_entry_of_somebody() -> None:
    entries = " ".join(attacker.entry for attacker in ATTACKERS)
    for service in SERVICES:
        assert f"`{service}`" in entries


def test_the_ports_of_this_machine_stand_on_the_same_page() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert threats_section() in page
    assert all(port.what in page for port in OPEN_PORTS)


def test_what_is_left_and_accepted_has_an_owner_and_a_day_of_review() -> None:
    """As an exemption of a stack: one whose review is due goes on to count."""
    left = [threat for one in ATTACKERS for threat in one.threats if threat.accepted is not None]
    assert left
    for threat in left:
        assert threat.accepted is not None
        sentence = f"of the {threat.accepted.owner}, review {threat.accepted.review:%Y-%m-%d}."
        assert threat.accepted.owner.strip()
        assert f"{threat.stopped_by} Accepted risk {sentence}" in threats_section()
    for one in ATTACKERS:
        for threat in one.threats:
            assert "is accepted" not in threat.stopped_by, "by whom, and until when?"
