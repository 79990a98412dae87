"""What is committed of rules and dashboards, for whoever has a Prometheus or Grafana already."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from ops.observe.dashboards import dashboard
from ops.observe.panels import SCREENS
from ops.observe.rules import rules_file

FOLDER: Final = Path(__file__).parent / "generated"
RULES: Final = FOLDER / "perch-rules.yaml"

GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    RULES.name: rules_file,
    **{f"{screen.uid}.json": partial(dashboard, screen) for screen in SCREENS},
}
"""File below `FOLDER` -> what is in it."""
