"""The pack as Pulumi starts it: the SDK's own entry point, asked over gRPC as the engine asks.

Pulumi's language host runs `python -u -m pulumi.policy <engine> <folder>` and reads a port from
stdout. The engine itself is not here: that `pulumi preview --policy-pack` accepts PulumiPolicy.yaml
and stops on a mandatory violation is Pulumi's part.
"""

import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from infra.policies.engine.rule import ResourceRule, describe
from infra.policies.pack import RULES
from tests.infra.building import ROOT
from tests.infra.policies.breaking import Document, copy_of, find, option, put, remove

pytestmark = pytest.mark.xdist_group("infra-program")

PACK: Final = ROOT / "infra" / "policies"
SECONDS: Final = 60


@pytest.fixture(scope="module")
def analyzer(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Analyzer"]:
    """The pack in a process of its own."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)]
    # Somewhere else, without this checkout on the path: Pulumi gives neither.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with subprocess.Popen(
        command,
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            with grpc.insecure_channel(f"127.0.0.1:{_port(process)}") as channel:
                yield Analyzer(channel)
        finally:
            process.kill()


def _port(process: "subprocess.Popen[bytes]") -> int:
    assert process.stdout is not None
    assert process.stderr is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(SECONDS), "the pack said no port"
    line = process.stdout.readline()
    assert line, process.stderr.read().decode()
    return int(line)


@dataclass(frozen=True, slots=True)
class Objection:
    """One diagnostic of the running pack."""

    policy: str
    urn: str
    message: str
    description: str
    mandatory: bool


class Analyzer:
    """The running pack, asked as the engine asks it."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = analyzer_pb2_grpc.AnalyzerStub(channel)

    def info(self) -> tuple[str, dict[str, tuple[str, bool]]]:
        """The pack's name, and of each policy its description and whether it is mandatory."""
        told = self._stub.GetAnalyzerInfo(empty_pb2.Empty(), timeout=SECONDS)
        return told.name, {
            one.name: (one.description, one.enforcementLevel == analyzer_pb2.MANDATORY)
            for one in told.policies
        }

    def alone(self, resource: Document) -> list[Objection]:
        request = analyzer_pb2.AnalyzeRequest(**_fields(resource))
        return _objections(self._stub.Analyze(request, timeout=SECONDS))

    def together(self, document: Document) -> list[Objection]:
        resources = [
            analyzer_pb2.AnalyzerResource(
                **_fields(resource),
                parent=resource["parent"],
                dependencies=resource["dependencies"],
                propertyDependencies={
                    key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
                    for key, urns in resource["propertyDependencies"].items()
                },
            )
            for resource in document["resources"]
        ]
        request = analyzer_pb2.AnalyzeStackRequest(resources=resources)
        return _objections(self._stub.AnalyzeStack(request, timeout=SECONDS))


def _fields(resource: Document) -> dict[str, Any]:
    properties = struct_pb2.Struct()
    properties.update(resource["inputs"])
    options = resource["options"]
    return {
        "type": resource["type"],
        "urn": resource["urn"],
        "name": resource["name"],
        "properties": properties,
        "options": analyzer_pb2.AnalyzerResourceOptions(
            protect=bool(options.get("protect")),
            deleteBeforeReplace=bool(options.get("deleteBeforeReplace")),
            deleteBeforeReplaceDefined="deleteBeforeReplace" in options,
        ),
    }


def _objections(answer: analyzer_pb2.AnalyzeResponse) -> list[Objection]:
    return [
        Objection(
            one.policyName,
            one.urn,
            one.message,
            one.description,
            one.enforcementLevel == analyzer_pb2.MANDATORY,
        )
        for one in answer.diagnostics
    ]


def test_the_pack_tells_its_policies_and_all_but_the_reminder_are_mandatory(
    analyzer: Analyzer,
) -> None:
    name, told = analyzer.info()
    assert name == "perch"
    assert not told.pop("exemptions-are-reviewed")[1]
    assert told == {rule.name: (describe(rule), True) for rule in RULES}


def test_the_running_pack_lets_production_pass(analyzer: Analyzer) -> None:
    document = copy_of("prod")
    # One resource a type is enough here; `test_stacks.py` judges all of them.
    for resource in {one["type"]: one for one in document["resources"]}.values():
        assert analyzer.alone(resource) == []
    assert [one for one in analyzer.together(document) if one.mandatory] == []


def test_the_running_pack_objects_to_a_resource(analyzer: Analyzer) -> None:
    document = copy_of("prod")
    put("LaunchTemplate blue", "metadataOptions.httpPutResponseHopLimit", 2)(document)
    [objection] = analyzer.alone(find(document, "LaunchTemplate blue"))
    assert objection.policy == "instance-metadata-stays-on-the-host"
    assert objection.mandatory
    assert "httpPutResponseHopLimit is 2; accepted: 1" in objection.message
    assert "CKV_AWS_341" in objection.description


def test_the_running_pack_reads_resource_options(analyzer: Analyzer) -> None:
    document = copy_of("prod")
    option("Certificate ", "deleteBeforeReplace", True)(document)
    objections = analyzer.alone(find(document, "Certificate "))
    assert [one.policy for one in objections] == ["certificates-are-replaced-in-order"]


def test_the_running_pack_objects_to_a_stack(analyzer: Analyzer) -> None:
    document = copy_of("prod")
    bucket = find(document, "Bucket models")["urn"]
    remove("BucketPublicAccessBlock models")(document)
    objections = [one for one in analyzer.together(document) if one.mandatory]
    assert [(one.policy, one.urn) for one in objections] == [("buckets-are-closed", bucket)]


def test_the_running_pack_warns_of_what_a_preview_cannot_know(analyzer: Analyzer) -> None:
    document = copy_of("prod")
    put("RolePolicy blue", "policy", UNKNOWN_STRING_VALUE)(document)
    warnings = analyzer.alone(find(document, "RolePolicy blue"))
    assert warnings
    for warning in warnings:
        assert not warning.mandatory
        assert "can't be known during preview" in warning.message


def test_pulumi_runs_the_pack_in_the_programs_own_environment() -> None:
    pack = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text(encoding="utf-8"))["runtime"]
    program = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))["runtime"]
    assert pack["name"] == program["name"] == "python"
    assert pack["options"]["toolchain"] == program["options"]["toolchain"]
    assert (PACK / pack["options"]["virtualenv"]).resolve() == (
        ROOT / program["options"]["virtualenv"]
    ).resolve()


def test_no_module_of_the_pack_takes_the_name_of_one_of_pythons() -> None:
    # Pulumi puts the folder on the path of modules, and it stays there while the SDK is imported.
    assert not {path.stem for path in Path(PACK).glob("*.py")} & sys.stdlib_module_names


def test_both_kinds_of_rules_are_in_the_pack() -> None:
    alone = [rule for rule in RULES if isinstance(rule, ResourceRule)]
    assert 0 < len(alone) < len(RULES)
