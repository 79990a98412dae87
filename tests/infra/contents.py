"""What one stack tells AWS of each resource, a line a value, kept beside the tests for reviewers.

`python -m tests.infra.trees` writes it anew, with the trees. Left out are user data, programs and
alarms, which have tests of their own, and green, of which all is said that is said of blue.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ops.offline.engine.recording import Recording, Resource

FOLDER: Final = Path(__file__).with_name("contents")
STACK: Final = "prod"
_OPTIONS: Final = ("customTimeouts", "deleteBeforeReplace", "ignoreChanges", "protect")
_TEXTS: Final = ("userData", "content")
_LEFT_OUT: Final = ("MetricAlarm", "CompositeAlarm")


def contents(recording: Recording) -> str:
    """Every value of every resource of AWS, in the order of their types and names."""
    lines = [
        f"{resource.type.rsplit(':', 1)[-1]} {resource.name}{path} = {value}"
        for resource in recording.resources.values()
        if resource.type.startswith(("aws:", "pulumi:providers:"))
        and not resource.type.endswith(_LEFT_OUT)
        and "green" not in resource.name
        for path, value in (
            *_values({**resource.inputs, **_hidden(resource)}, ""),
            *_values({key: resource.options.get(key) for key in _OPTIONS}, " with "),
        )
        if value != "null"
    ]
    return "\n".join(sorted(lines)) + "\n"


def _hidden(resource: Resource) -> dict[str, str]:
    """The values that are secret, which differ from run to run where the program makes them."""
    return {str(path[0]): "(secret)" for path in resource.secret_inputs}


def _values(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and value.startswith(("{", "[")):
        value = json.loads(value)
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            if key not in _TEXTS:
                yield from _values(inner, f"{path}.{key}")
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for number, inner in enumerate(value):
            yield from _values(inner, f"{path}[{number}]")
    else:
        yield path, json.dumps(value, ensure_ascii=False)
