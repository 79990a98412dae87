"""Whether what was deployed is what the stack's file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ops.console.errors import ConfigurationError
from ops.doctor.finding import Finding, ok
from ops.offline.errors import OfflineError
from ops.offline.recorder import record

if TYPE_CHECKING:
    from ops.offline.engine.recording import Recording
    from ops.stack import StackOutputs

COMPARED: Final = ("image", "tags_selector", "model", "gateway_port", "riva_grpc_port")
"""Of a colour: outputs that follow from the stack's file alone."""


def recorded(stack: str) -> Recording:
    """Return what a stack's program registers, without AWS.

    Raises:
        ConfigurationError: The stack has no file, or something in it is wrong.
    """
    try:
        return record(stack)
    except OfflineError as error:
        raise ConfigurationError(" ".join(str(error).split())) from None


def compared(outputs: StackOutputs, recording: Recording) -> Finding:
    """Compare the outputs of a deployed stack with those its file leads to."""
    said: dict[str, Any] = dict(recording.outputs)
    deployed = outputs.model_dump(mode="json")
    pairs = [
        (f"{colour}.{key}", deployed["colours"][colour][key], said["colours"][colour].get(key))
        for colour in deployed["colours"]
        for key in COMPARED
    ]
    pairs += [
        (key, deployed[key], said.get(key)) for key in ("region", "endpoint_url", "direct_header")
    ]
    differing = [f"{name} is {now}, in the file {then}" for name, now, then in pairs if now != then]
    if not differing:
        return ok("stack file", "what was deployed is what it says")
    return Finding(
        name="stack file",
        level="warn",
        detail="; ".join(differing),
        advice="`pulumi up` has not been run since the file changed, or another checkout was "
        "deployed: `perch preview` shows the change",
    )
