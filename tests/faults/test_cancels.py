"""Twenty stops at random moments, double and triple cancels among them; the bench does two hundred."""

import gc
import random

import pytest
from tests.byteserver import CEILING
from tests.faults.cancelling import MOMENTS, Cut, cut_all, cuts


def test_every_moment_is_met() -> None:
    plans = [*cuts(20, random.Random(7))]
    assert {plan.moment for plan in plans} == set(MOMENTS)
    assert {plan.times for plan in plans} == {1, 2, 3}


@pytest.mark.parametrize("seed", [7])
async def test_stop_means_stop(seed: int) -> None:
    plans = [*cuts(20, random.Random(seed))]
    gc.collect()
    left = await cut_all(iter(plans))
    assert (left.sockets, left.tasks) == (0, 0)
    for plan, stopped in zip(plans, left.stops, strict=True):
        assert stopped.again == "fine", plan
        assert stopped.seconds is None or stopped.seconds < CEILING, plan
        assert (stopped.seconds is not None) or plan.moment == "connecting", plan
        assert stopped.ended.error is None, plan
        check_kept(plan, stopped.ended.state, stopped.ended.reply.text)


def check_kept(plan: Cut, state: str, text: str) -> None:
    match plan.moment:
        case "in tokens":
            assert (state, set(text)) == ("stopped", {"t"}), plan
        case "at the last token":
            assert (state in {"stopped", "complete"}, text) == (True, "ab"), plan
        case _:
            assert (state, text) == ("stopped", ""), plan
