"""Alarms of what ends one day, or grows old: certificates and secrets."""

from collections.abc import Iterator
from typing import Final

from infra.catalogue.limits import CERTIFICATE_DAYS, SECRET_DAYS
from infra.observability.alarm import DAY, HOUR, Alarm, Metric, machine, single

_NO_END_DAYS: Final = 999
"""Stands for the certificate of a colour without machines; longer than any lasts."""


def expiry_alarms() -> Iterator[Alarm]:
    """Yield them. They are of neither colour: a release need not stop for what ends in weeks."""
    yield Alarm(
        slug="certificate-expires",
        why="The certificate ends in less than 30 days and has not renewed itself.",
        severity="ticket",
        metrics=single(
            Metric(
                namespace="AWS/CertificateManager",
                name="DaysToExpiry",
                statistic="Minimum",
                dimensions={"CertificateArn": "certificate"},
            )
        ),
        above=False,
        threshold=CERTIFICATE_DAYS,
        period=DAY,
        periods=1,
        breaching=1,
    )
    blue, green = (f"FILL({colour}, {_NO_END_DAYS})" for colour in ("blue", "green"))
    yield Alarm(
        slug="gateway-certificate",
        why="A certificate that gateways show, or believe, ends in less than 30 days.",
        severity="ticket",
        metrics={
            colour: machine("GatewayCertificateDays", "Minimum", f"{colour}_group")
            for colour in ("blue", "green")
        },
        expression=f"IF({blue} > {green}, {green}, {blue})",
        above=False,
        threshold=CERTIFICATE_DAYS,
        period=HOUR,
        periods=1,
        breaching=1,
    )
    yield Alarm(
        slug="secret-age",
        why="A secret that machines have was not replaced for a year.",
        severity="ticket",
        metrics={
            colour: machine("SecretDays", "Maximum", f"{colour}_group")
            for colour in ("blue", "green")
        },
        expression="IF(FILL(blue, 0) > FILL(green, 0), FILL(blue, 0), FILL(green, 0))",
        threshold=SECRET_DAYS,
        period=DAY,
        periods=1,
        breaching=1,
    )
