"""What Pulumi starts for `--policy-pack infra/policies`; it serves until Pulumi ends it."""

import sys
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack

# Pulumi runs this folder by its path, which makes neither the package importable nor its modules
# safe from being taken for others of the same name.
_HERE = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != _HERE]
sys.path.insert(0, str(_HERE.parents[1]))

from infra import by_hand  # noqa: E402 - importable only from here on
from infra.policies.pack import NAME, policies  # noqa: E402 - as above

by_hand.refuse(
    __spec__,
    what="The policy pack of Perch's environments.",
    instead="`perch preview`, or `pulumi preview --policy-pack infra/policies` in the repository",
)

PolicyPack(
    NAME,
    policies(),
    enforcement_level=EnforcementLevel.MANDATORY,
    description="The security properties of a Perch environment.",
)
