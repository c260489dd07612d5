"""A sample of the state machine; ``make prove`` plays it for minutes."""

import pytest

from tests.proofs import state_machine
from tests.support.machine import COUNTED


@pytest.mark.slow
@pytest.mark.unmeasured
def test_the_user_and_the_engine_take_turns() -> None:
    """A few dozen games: killed, stopped and disturbed runs among them."""
    COUNTED.clear()
    state_machine.play(7, 40, 15, shrink=False)
    assert COUNTED["steps"] > 300
    happened = ("organize", "undo", "clean-up", "kills", "stops", "disturbances", "restore", "purge")
    assert [what for what in happened if not COUNTED[what]] == []
