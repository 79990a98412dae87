"""Whose clients the gateways of a stack answer."""

import pytest

from infra.boot import read_user_data
from tests.infra.building import changed_stack


@pytest.mark.parametrize(
    ("dialects", "line"),
    [(["openai"], 'APP_DIALECTS="openai"'), ([], 'APP_DIALECTS="none"'), (None, None)],
)
def test_a_stack_says_whose_clients_its_gateways_answer(
    dialects: list[str] | None, line: str | None
) -> None:
    recording = changed_stack("dev", {"gateway": {"dialects": dialects}})
    for template in recording.of_type("aws:ec2/launchTemplate:LaunchTemplate"):
        text = read_user_data(template.inputs["userData"])
        assert "APP_DIALECTS" not in text if line is None else f"{line}\n" in text
