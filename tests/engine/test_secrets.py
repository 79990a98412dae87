"""Secrets of a stack's configuration: encrypted in all that the engine keeps, absent elsewhere.

Looked for in every form (tests/acceptance/leaks).

Does not prove what the real provider logs, nor what AWS does with a value once it has it.
"""

import json
import re

from tests.engine.conftest import NewWorld
from tests.support.leaks.search import Search
from tests.support.leaks.secrets import Secret, made

PLANTED = made("NGC key")
SEARCH = Search([PLANTED])


def test_a_secret_reaches_its_store_and_no_file_output_or_line(new_world: NewWorld) -> None:
    world = new_world("dev")
    world.stack.configure_secret("perch:ngc_api_key", PLANTED.text)
    outcomes = [world.preview(), world.up(), world.preview()]
    assert not [outcome.failure for outcome in outcomes if outcome.failure]

    # It has arrived, so there was something to be seen.
    arn = world.outputs()["secret_arns"]["ngc_api_key"]
    held = world.client("secretsmanager").get_secret_value(SecretId=arn)
    assert held["SecretString"] == PLANTED.text

    assert not SEARCH.found(json.dumps(world.outputs()))
    for outcome in outcomes:
        assert not SEARCH.found(outcome.printed)
        assert not SEARCH.found(repr([(step.old, step.new) for step in outcome.steps]))
        assert not SEARCH.found("".join(outcome.messages))
    for path in world.stack.files():
        assert not SEARCH.found(path.read_bytes()), path
    templates = world.client("ec2").describe_launch_template_versions(Versions=["$Latest"])
    assert not SEARCH.found(json.dumps(templates, default=str))


def test_made_up_keys_are_encrypted_in_the_state(new_world: NewWorld) -> None:
    world = new_world("dev")
    outcome = world.up()
    assert not outcome.failure, outcome.messages
    arn = world.outputs()["secret_arns"]["gateway_resume_keys"]
    made_up = world.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    assert re.fullmatch(r"[A-Za-z0-9]{64}", made_up)
    search = Search([Secret("resume key", made_up.encode())])
    assert not search.found(outcome.printed)
    for path in world.stack.files():
        assert not search.found(path.read_bytes()), path
