"""What production tells AWS, value by value: a change of any is seen by whoever reviews it.

That a value is right is not proven here; policies and the tests beside this one hold what matters.
"""

import pytest

from tests.infra.building import stack
from tests.infra.contents import FOLDER, STACK, contents

pytestmark = pytest.mark.xdist_group("infra-program")


def test_every_value_is_the_one_that_was_reviewed() -> None:
    """After a change that is meant: `python -m tests.infra.trees`."""
    assert contents(stack(STACK)) == (FOLDER / f"{STACK}.txt").read_text(encoding="utf-8")
