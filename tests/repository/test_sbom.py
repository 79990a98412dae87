"""What `make sbom` says the gateway is made of is what the lock file pins for it, and nothing else.

That `make audit` finds a vulnerability is not proved here: it asks a service on the Internet.
"""

import json
from pathlib import Path

from tests.support.uv import ROOT, pinned_for_the_gateway, run_with_uv


def test_it_names_each_package_of_the_gateway_with_version_and_checksum(tmp_path: Path) -> None:
    document = tmp_path / "sbom.json"
    [recipe] = [
        line.strip().removeprefix("@")
        for line in (ROOT / "Makefile").read_text().splitlines()
        if "cyclonedx" in line
    ]
    own = recipe.replace("$(UV)", "uv").replace("dist/perch-gateway.cdx.json", str(document))
    run_with_uv(own.split())
    components = json.loads(document.read_text())["components"]
    named = {(one["name"], one["version"]) for one in components}
    assert named == pinned_for_the_gateway()
    for one in components:
        hashes = [each for link in one["externalReferences"] for each in link["hashes"]]
        assert {each["alg"] for each in hashes} == {"SHA-256"}, one["name"]
