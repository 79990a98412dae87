"""`perch canary`: move sessions to the idle colour step by step, as long as it proves itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ops import aws_clients, in_service
from ops.console.errors import FAILED, ConfigurationError
from ops.console.options import access_options, read_token, stack_options
from ops.in_service import other
from ops.rollout import place, steps
from ops.rollout.alarms import ColourAlarms
from ops.rollout.journal import Journal, JournalStore, now
from ops.rollout.measurement import Measurement, golden
from ops.rollout.release import Parts, Release
from ops.rollout.states import State
from ops.rollout.steps import FULL
from ops.rollout.verdict import LIMITS, Limits
from ops.rollout.warmth import keep_warm
from ops.rollout.weights import Weights
from ops.smoke import recording
from ops.smoke.checks import Smoke
from ops.stack import read

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import SecretStr

    from ops.stack import Colour, StackOutputs

PAUSED: Final = 3
"""Exit code of a release that waits for a person."""
WARM_MINUTES: Final = 60.0
"""How long the colour that was left keeps its machines unless another time is asked for."""


class Canary:
    """A stack as a release sees it.

    Args:
        stack: Name of the stack.
        outputs: What it exports.
        chosen: State folder given by the person; None for the usual one.
        token: Bearer token of the gateway; None where it asks for none.
        authority: PEM file of an authority to trust in place of the one that the stack names.
        corpus: Folder of recordings; None for the one that comes with the repository.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one an option
        self,
        stack: str,
        outputs: StackOutputs,
        chosen: Path | None,
        token: SecretStr | None,
        authority: Path | None,
        corpus: Path | None,
    ) -> None:
        self.place = place.of_outputs(outputs)
        self._outputs, self._token, self._authority = outputs, token, authority
        self._recordings = golden(corpus)

        def client(service: str) -> Any:  # noqa: ANN401 - boto3 knows types by literals alone
            return aws_clients.connect(service, stack, outputs.region, chosen)[0]

        self.weights = Weights(self.place, client("elbv2"))
        self.alarms = ColourAlarms(self.place, client("cloudwatch"))
        self.record = in_service.connect(stack, outputs, chosen)
        self.journals = JournalStore(
            self.place.environment, self.place.artefact_bucket, client("s3")
        )
        self._groups = client("autoscaling")

    def serving(self) -> Colour:
        """Return the colour in service: by the record, or by the weights where there is none.

        Raises:
            ConfigurationError: Neither says it.
        """
        recorded = self.record.read()
        if recorded is not None:
            return recorded
        for colour, weight in self.weights.read().items():
            if weight == FULL:
                return colour
        raise ConfigurationError(
            "new sessions go to both colours, and the stack has no record of the colour in service;"
            " `pulumi up` makes it"
        )

    def parts(self, canary: Colour) -> Parts:
        """Return what a release of this colour touches."""
        return Parts(
            weights=self.weights,
            alarms=self.alarms,
            record=self.record,
            problems=lambda: self.problems(canary),
            measure=Measurement(
                outputs=self._outputs,
                recordings=self._recordings,
                token=self._token,
                authority=self._authority,
            ).round,
            keep_warm=self._keep_warm,
        )

    def problems(self, canary: Colour) -> tuple[str, ...]:
        """Say why a colour cannot be released now, without changing anything; all at once.

        Raises:
            CommandFailedError: AWS does not tell.
        """
        found = []
        share = self.weights.share(canary)
        if share != 0:
            weights = dict(self.weights.read())
            found.append(f"{canary} has sessions already, the weights are {weights}")
        healthy, others = self.weights.healthy(canary)
        if not healthy or others:
            states = ", ".join(f"{count} {state}" for state, count in others.items())
            found.append(f"{canary} has {healthy} healthy targets" + (states and f" and {states}"))
        found += [f"{name} is in ALARM" for name in self.alarms.ringing()]
        smoke = Smoke(
            outputs=self._outputs,
            recorded=recording.find(None),
            colour=canary,
            awake=(canary,),
            token=self._token,
            authority=self._authority,
        )
        report = asyncio.run(smoke.run())
        found += [
            f"smoke at {canary}: {check.name}: {check.detail}"
            for check in report.checks
            if check.status == "failed"
        ]
        return tuple(found)

    def _keep_warm(self, colour: Colour, minutes: float) -> datetime | None:
        return keep_warm(self._groups, self.place.scaling_groups[colour], minutes)


def plan_lines(journal: Journal) -> list[str]:
    """Return what a release would do, a line each."""
    canary, baseline = journal.canary, journal.baseline
    return [
        f"release  {baseline} -> {canary} of stack {journal.stack}",
        *(
            f"step     {step.weight:>3} % for {step.bake_s:g} s at least, "
            f"{journal.limits.samples} sessions at each colour at least"
            for step in journal.state.steps
        ),
        f"then     {canary} is in service; {baseline} stays warm {journal.warm_minutes:g} min",
    ]


@click.command("canary")
@stack_options
@click.option(
    "--to",
    type=click.Choice(["blue", "green"]),
    help="Colour to release  [default: the one that is not in service].",
)
@click.option("--steps", "weights", help="Weights in percent, as in 1,5,25,50,100 (the default).")
@click.option(
    "--bake",
    help="Seconds at each step at least: one number, or one for each  [default: 120 to 600].",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 1000),
    default=LIMITS.samples,
    show_default=True,
    help="Sessions of its own that a step needs at each colour.",
)
@click.option(
    "--slower",
    type=click.FloatRange(0, 1000),
    default=100 * LIMITS.slower,
    show_default=True,
    help="Percent by which latencies may exceed the baseline's, where that is beyond the limits.",
)
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of recordings with their words, as for `perch qa`  [default: one clip].",
)
@click.option(
    "--warm",
    "warm_minutes",
    type=click.FloatRange(0, 24 * 60),
    default=WARM_MINUTES,
    show_default=True,
    help="Minutes for which the colour that was left keeps its machines.",
)
@click.option("--dry-run", is_flag=True, help="Show the plan and what stands in its way.")
@click.option("--resume", is_flag=True, help="Go on with the release that the journal tells of.")
@access_options
@click.option("--json", "as_json", is_flag=True, help="Print the journal as JSON at the end.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    *,
    stack: str,
    state_dir: Path | None,
    to: Colour | None,
    weights: str | None,
    bake: str | None,
    samples: int,
    slower: float,
    corpus: Path | None,
    warm_minutes: float,
    dry_run: bool,
    resume: bool,
    token_file: Path | None,
    ca: Path | None,
    as_json: bool,
) -> None:
    """Move new sessions to the idle colour step by step, and back if it is not as good.

    At each step sessions of its own are sent to both colours and compared: latencies, failures,
    words. An alarm of the colour, or a comparison that fails, takes every new session back at once.
    What cannot be judged pauses the release. The journal lies with the stack: --resume goes on from
    it on any machine, and `perch rollback` takes it back.

    Exit code 0 when the colour was promoted, 1 when it was rolled back or refused, 2 for wrong
    usage, 3 when the release is paused.
    """
    token = read_token(token_file)
    if resume and (to or weights or bake):
        raise ConfigurationError(
            "--resume goes on as the journal says, without --to, --steps, --bake"
        )
    try:
        table = steps.parse(weights, bake)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    canary = Canary(stack, read(stack, chosen=state_dir), state_dir, token, ca, corpus)

    def say(line: str) -> None:
        click.echo(f"{now():%H:%M:%S} {line}", err=as_json)

    if resume:
        found = canary.journals.load()
        colour = found.canary if found is not None else "green"
        journal = Release(canary.parts(colour), canary.journals, say=say).resume()
        _end(context, journal, as_json=as_json)
    baseline = other(to) if to is not None else canary.serving()
    journal = Journal(
        stack=canary.place.environment,
        started_at=now(),
        canary=other(baseline),
        baseline=baseline,
        limits=Limits(samples=samples, slower=slower / 100),
        warm_minutes=warm_minutes,
        state=State(steps=table),
    )
    for line in plan_lines(journal):
        click.echo(line, err=as_json)
    if dry_run:
        problems = canary.problems(journal.canary)
        for problem in problems:
            click.echo(f"problem  {problem}", err=as_json)
        if as_json:
            click.echo(journal.model_dump_json(indent=2))
        context.exit(FAILED if problems else 0)
    journal = Release(canary.parts(journal.canary), canary.journals, say=say).begin(journal)
    _end(context, journal, as_json=as_json)


def _end(context: click.Context, journal: Journal, *, as_json: bool) -> None:
    if as_json:
        click.echo(journal.model_dump_json(indent=2))
    codes = {"promoted": 0, "paused": PAUSED}
    context.exit(codes.get(journal.state.phase, FAILED))
