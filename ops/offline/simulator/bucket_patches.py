"""What a bucket's policy refuses: moto 5.2.5 takes a condition that is not met for a refusal."""

import json
from collections.abc import Callable
from typing import Any

from moto.iam.access_control import IAMPolicy
from moto.s3.models import FakeBucket


def install() -> None:
    """Change moto in this process; call it once."""
    FakeBucket.get_permission = _with_tls(FakeBucket.get_permission)


def _with_tls(original: Callable[[Any, str, str], Any]) -> Callable[[Any, str, str], Any]:
    """Leave out what is refused without TLS alone.

    Every call here counts as made over TLS, as those of boto3 to AWS are. Without this, a policy
    that refuses everything else refuses everything.
    """

    def get_permission(self: Any, action: str, resource: str) -> Any:  # noqa: ANN401 - moto is untyped here
        if self.policy is None:
            return original(self, action, resource)
        policy = json.loads(self.policy)
        statements = policy["Statement"]
        listed = statements if isinstance(statements, list) else [statements]
        kept = [statement for statement in listed if not _is_of_calls_without_tls(statement)]
        # One that is about something else stays as moto has it.
        return IAMPolicy(json.dumps({**policy, "Statement": kept})).is_action_permitted(
            action, resource
        )

    return get_permission


def _is_of_calls_without_tls(statement: dict[str, Any]) -> bool:
    return statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
