"""How many words an engine may get wrong, by what there is around the voice."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from ops.qa.corpus import Clip

TABLE: Final = Path(__file__).with_name("thresholds.toml")
Engine = Literal["parakeet", "embedded"]
Environment = Literal["clean", "noisy"]


class Thresholds(BaseModel):
    """Of one engine.

    Attributes:
        engine: Which.
        most: Highest word error rate by environment, as a share.
        noisy_tags: What makes a clip's environment noisy.
    """

    model_config = ConfigDict(frozen=True)

    engine: Engine
    most: Mapping[Environment, float]
    noisy_tags: frozenset[str]

    def environment(self, clip: Clip) -> Environment:
        """Return what there is around a clip's voice."""
        return "noisy" if self.noisy_tags.intersection(clip.tags) else "clean"


def thresholds(engine: Engine, table: Path = TABLE) -> Thresholds:
    """Read those of an engine.

    Raises:
        KeyError: The table does not know it.
    """
    said: dict[str, Any] = tomllib.loads(table.read_text(encoding="utf-8"))
    return Thresholds(
        engine=engine, most=said["engine"][engine], noisy_tags=frozenset(said["noisy_tags"])
    )
