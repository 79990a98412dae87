"""Why cases do not end as Autobahn likes best. A deviation that is not named here fails the run."""

from dataclasses import dataclass
from typing import Final

from tests.conformance.cases import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """What is known of some cases.

    Attributes:
        cases: Their ids, or what their ids begin with.
        behavior: Autobahn's word for it.
        codes: The close codes it comes with.
        why: The explanation.
    """

    cases: tuple[str, ...]
    behavior: str
    codes: tuple[int, ...]
    why: str

    def explains(self, outcome: Outcome) -> bool:
        """Whether it is about this outcome, with this judgement and this close."""
        named = f"{outcome.id}.".startswith(tuple(f"{case}." for case in self.cases))
        return named and outcome.behavior == self.behavior and outcome.code in self.codes


DEVIATIONS: Final = (
    Deviation(
        cases=("6.4",),
        behavior="NON-STRICT",
        codes=(1007,),
        why="Text that is not UTF-8 is refused with 1007 when its message is complete, not at the "
        "first wrong byte in the middle of a fragmented one. Texts are small controls here, and "
        "nothing of one is used before it is complete: looking earlier would save little.",
    ),
    Deviation(
        cases=("7.1.5",),
        behavior="FAILED",
        codes=(1002,),
        why="The client closes in the middle of a fragmented message. The library below "
        "(websockets) answers 1002 for the message that was never finished, where Autobahn wants "
        "1000; it lists this case among its own known ones. The session has ended either way, and "
        "the close is clean.",
    ),
    Deviation(
        cases=("7.1.6", "7.13"),
        behavior="INFORMATIONAL",
        codes=(1000, 1002),
        why="Autobahn judges nothing here: the standard leaves it open. A close that overtakes a "
        "message wins, and close codes of 5000 and more are answered with 1002.",
    ),
    Deviation(
        cases=("9.1.6", "9.2.6"),
        behavior="FAILED",
        codes=(1009,),
        why="A message of 16 MiB is over the limit that the hello announces (`max_message_bytes`, "
        "10 MiB unless WS_MAX_MESSAGE_SIZE_MB says otherwise), and is refused with 1009. With a "
        "limit of 16 the same cases are right; the run tries that as well.",
    ),
    Deviation(
        cases=("12", "13"),
        behavior="UNIMPLEMENTED",
        codes=(1000,),
        why="Compression is offered and declined, and the connection works without. Sound does not "
        "get smaller by permessage-deflate, it would cost memory for every connection, and it is "
        "a way to fill a machine with a small message.",
    ),
)


def explanation(outcome: Outcome) -> Deviation | None:
    """What is known of an outcome that deviates; None for a new one."""
    return next((one for one in DEVIATIONS if one.explains(outcome)), None)
