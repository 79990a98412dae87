"""What `pulumi destroy` meets first, so that it deletes nothing or everything."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class DeletionGuardArgs:
    """What is guarded.

    Attributes:
        guarded: Every component of the stack.
        disposable: Whether `pulumi destroy` may go on.
    """

    guarded: Sequence[pulumi.Resource]
    disposable: bool = False


class DeletionGuard(pulumi.ComponentResource):
    """A component without children that is protected and depends on all others.

    Pulumi refuses a protected resource only when it comes to it, and by then `pulumi destroy
    --skip-preview` has deleted what came before. It deletes in waves, a resource before those it
    depends on (`ScheduleDeletes` in pkg/resource/deploy/step_generator.go of pulumi/pulumi), and
    ends with the wave in which one is refused. What depends on everything is alone in the first.
    """

    def __init__(
        self, name: str, args: DeletionGuardArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if not args.guarded:
            raise ValueError("guarded is empty; accepted: every component of the stack")
        own = pulumi.ResourceOptions(protect=not args.disposable, depends_on=list(args.guarded))
        super().__init__(
            "perch:infra:DeletionGuard", name, None, pulumi.ResourceOptions.merge(opts, own)
        )
        self.register_outputs({})
