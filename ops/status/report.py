"""What `perch status` tells: facts, and for each that could not be had the reason."""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """Base of what is told; None stands for what is not known, and `not_known` says why."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class MachineFact(Fact):
    """A machine."""

    id: str
    """EC2's id."""
    type: str
    """Instance type."""
    zone: str
    """Availability zone."""
    state: str
    """Lifecycle state in its group."""
    health: str
    """What the group says of it."""
    launched_at: datetime | None
    """UTC."""
    is_spot: bool | None
    """Whether AWS may take it back."""
    ami_id: str | None
    """The image it runs."""


class TargetFact(Fact):
    """Whom the load balancer asks."""

    id: str
    """EC2's id; locally the gateway's process."""
    port: int
    """TCP port."""
    state: str
    """healthy, unhealthy, initial, draining, unused, unavailable."""
    reason: str | None
    """Why it is not healthy."""


class ProcessFact(Fact):
    """A process of a stack on this machine."""

    name: str
    """As in gateway-blue."""
    pid: int
    """Its process id."""
    is_running: bool
    """Whether that very process still runs."""
    address: str | None
    """Where it listens."""


class ColourFact(Fact):
    """One colour."""

    colour: str
    """blue or green."""
    weight: int | None
    """Its share of new sessions, as the listener has it now."""
    desired: int | None
    """Machines its group asks for."""
    fewest: int | None
    """The group's minimum."""
    most: int | None
    """The group's maximum."""
    machines: tuple[MachineFact, ...] | None
    """Machines of the group."""
    targets: tuple[TargetFact, ...] | None
    """Targets of its target group."""
    sessions: float | None
    """Sessions that are active; on AWS an average over a minute, times the machines."""
    version: str | None
    """The gateway's, as a machine of the colour says that it runs."""
    image: str
    """The recogniser's image, as deployed."""
    selector: str
    """NIM_TAGS_SELECTOR."""
    model: str | None
    """Model the gateway asks for; null for the recogniser's own choice."""
    gateway_artifact: str
    """The gateway's image or bundle."""
    ami_id: str
    """Machine image of its launch template."""


class AlarmFact(Fact):
    """An alarm that is in ALARM."""

    name: str
    """Its name."""
    since: datetime | None
    """UTC."""
    why: str
    """What it means, as the stack describes it."""


class ReleaseFact(Fact):
    """The latest release, as its journal tells it."""

    canary: str
    """The colour that is, or was, released."""
    baseline: str
    """The colour that served before."""
    phase: str
    """checking, moving, baking, paused, promoting, returning, restoring; over: promoted,
    rolled_back, refused."""
    weight: int
    """The canary's share of new sessions that goes with it, in percent."""
    started_at: datetime
    """UTC."""
    changed_at: datetime
    """When something last happened, UTC."""
    operator: str | None
    """Who is at it, user@host; null where nobody is."""
    operator_is_there: bool
    """Whether he has given a sign in time."""
    reason: str | None
    """Why it stands there; null where all went as it should."""
    next: str | None
    """What a person can do; null once it is over."""


class CostFact(Fact):
    """What the machines that run have cost since they were launched: an estimate."""

    usd: Decimal | None
    """US dollars at list prices; null where no machine could be priced."""
    usd_per_hour: Decimal | None
    """What they cost an hour."""
    as_of: str
    """Day of the prices, ISO 8601."""
    not_priced: tuple[str, ...]
    """Machines that are not in the sum, with the reason."""


class Report(Fact):
    """A stack at one moment."""

    stack: str
    """Its name."""
    region: str
    """AWS region."""
    is_local: bool
    """Whether it runs on this machine."""
    at: datetime
    """When it was asked, UTC."""
    endpoint_url: str
    """Where clients go."""
    certificate_days: int | None
    """For how many more days the endpoint's certificate is valid."""
    recognition: str | None
    """Position of the switch of recognition."""
    in_service: str | None
    """The colour in service, as it is written down."""
    release: ReleaseFact | None
    """The latest release; null where there was none."""
    sessions: float | None
    """Active sessions of both colours."""
    colours: tuple[ColourFact, ...]
    """Blue, then green."""
    alarms: tuple[AlarmFact, ...] | None
    """Alarms in ALARM."""
    cost: CostFact | None
    """What the machines have cost."""
    processes: tuple[ProcessFact, ...] | None
    """Processes of a stack on this machine; null for one in AWS."""
    not_known: dict[str, str]
    """Fact -> why it is not known."""
    failed: bool
    """Whether something could not be had that should have been."""
