"""A release's journal: one object in the stack's artefact bucket, written only over what was read.

S3 takes a write with `If-Match` only while the object is the one that was read, and one with
`If-None-Match` only where there is none. So two operators never both write, whatever their clocks
say; the lease in the journal is there to tell people who is at it.
"""

from __future__ import annotations

import getpass
import os
import platform
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError
from ops.rollout.states import OVER, State
from ops.rollout.verdict import Limits, Verdict
from ops.stack import Colour  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_s3 import S3Client

KEY: Final = "rollout/journal.json"
VERSION: Final = 1
LEASE_S: Final = 180.0
"""How long an operator who says nothing is taken to be at it: longer than a round of sessions."""
MOST_EVENTS: Final = 200
"""Events that are kept, newest last; earlier ones are in the bucket's older versions."""
_CONFLICTS: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
"""How S3 refuses a conditional write (S3 User Guide, conditional writes)."""


class TakenOverError(Exception):
    """Somebody else has written the journal since it was read."""


class Operator(BaseModel):
    """Who is at a release.

    Attributes:
        name: user@host, for people.
        token: Tells two processes of one user apart.
        until: When others may take it that he is gone.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    token: str
    until: AwareDatetime


class Event(BaseModel):
    """Something that happened.

    Attributes:
        at: When.
        by: Whose process.
        phase: The release's phase from then on.
        weight: The canary's share of new sessions that goes with it, in percent.
        text: What happened, a sentence.
        verdict: Of the step's samples, where there was one.
    """

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    by: str
    phase: str
    weight: int
    text: str
    verdict: Verdict | None = None


class Journal(BaseModel):
    """One release.

    Attributes:
        version: Of this format.
        stack: The stack's name without organisation and project.
        started_at: When it began.
        canary: The colour that is being released.
        baseline: The colour in service when it began.
        limits: What the canary is allowed.
        warm_minutes: How long the baseline's machines are kept after the promotion.
        state: Where it stands.
        operator: Who is at it; None where nobody is.
        events: What happened, oldest first.
    """

    model_config = ConfigDict(frozen=True)

    version: int = VERSION
    stack: str
    started_at: AwareDatetime
    canary: Colour
    baseline: Colour
    limits: Limits = Limits()
    warm_minutes: float = 0
    state: State
    operator: Operator | None = None
    events: tuple[Event, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether the release has ended, one way or the other."""
        return self.state.phase in OVER

    def with_state(
        self, state: State, text: str, *, me: Operator | None, verdict: Verdict | None = None
    ) -> Journal:
        """Return the journal of the next state, with one more event."""
        happened = Event(
            at=now(),
            by=me.name if me else "-",
            phase=state.phase,
            weight=state.weight,
            text=text,
            verdict=verdict,
        )
        events: Sequence[Event] = (*self.events, happened)
        return self.model_copy(
            update={"state": state, "operator": me, "events": tuple(events[-MOST_EVENTS:])}
        )


def now() -> datetime:
    """Return the time of day in UTC, to the millisecond."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def this_operator(token: str | None = None) -> Operator:
    """Return who runs this process, with a lease that begins now.

    Args:
        token: Of the lease that is renewed; None for a new one.
    """
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # No name for the number, as in many containers.
        user = f"uid {os.getuid()}"
    return Operator(
        name=f"{user}@{platform.node() or 'unknown'}",
        token=token or secrets.token_hex(8),
        until=now() + timedelta(seconds=LEASE_S),
    )


def is_at_it(operator: Operator | None, me: Operator) -> bool:
    """Say whether another operator than this one is at a release, by his lease."""
    return operator is not None and operator.token != me.token and operator.until > now()


class JournalStore:
    """The journal of one stack's latest release.

    Args:
        stack: The stack's name.
        bucket: Its artefact bucket.
        api: S3 of its account, or of `perch up`.
    """

    def __init__(self, stack: str, bucket: str, api: S3Client) -> None:
        self._stack = stack
        self._bucket = bucket
        self._api = api
        self._etag: str | None = None

    def load(self) -> Journal | None:
        """Return the journal as it is now; None where there was never a release.

        Raises:
            CommandFailedError: S3 does not give it, or it is none that this version understands.
        """
        try:
            answer = self._api.get_object(Bucket=self._bucket, Key=KEY)
            text = answer["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                self._etag = None
                return None
            raise self._failed("read", error) from None
        except FAILURES as error:
            raise self._failed("read", error) from None
        self._etag = answer["ETag"]
        try:
            journal = Journal.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "journal"
            raise self._failed("understood", f"{where}: {first['msg']}") from None
        if journal.version != VERSION:
            raise self._failed(
                "understood", f"its version is {journal.version}, this perch knows {VERSION}"
            )
        return journal

    def save(self, journal: Journal) -> None:
        """Write the journal in the place of what was last read or written.

        Raises:
            TakenOverError: Somebody else has written it since.
            CommandFailedError: S3 refuses.
        """
        condition = {"IfMatch": self._etag} if self._etag else {"IfNoneMatch": "*"}
        try:
            answer = self._api.put_object(
                Bucket=self._bucket,
                Key=KEY,
                Body=journal.model_dump_json(indent=1).encode(),
                ContentType="application/json",
                **condition,  # type: ignore[arg-type]  # one of two names, chosen above
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _CONFLICTS:
                raise TakenOverError from None
            raise self._failed("written", error) from None
        except FAILURES as error:
            raise self._failed("written", error) from None
        self._etag = answer["ETag"]

    def _failed(self, done: str, error: object) -> CommandFailedError:
        said = " ".join(str(error).split())
        return CommandFailedError(
            f"the release's journal s3://{self._bucket}/{KEY} of stack {self._stack} cannot be "
            f"{done}: {said}"
        )
