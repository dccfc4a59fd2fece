"""Estimates of the time that is left."""

from sdseg.jobs.rate import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_step_warms_up_and_is_left_out_as_soon_as_there_is_another() -> None:
    clock = Clock()
    rate = Rate(clock)
    assert rate.left(10) is None
    clock.now += 8
    rate.reach(1)
    assert rate.left(10) == 72
    clock.now += 2
    rate.reach(2)
    assert rate.left(10) == 16
    clock.now += 1
    assert rate.left(10) == 15, "it counts down"
    clock.now += 100
    assert rate.left(10) == 0, "and never below nothing"


def test_a_pause_is_not_counted() -> None:
    clock = Clock()
    rate = Rate(clock)
    clock.now += 1
    rate.reach(1)
    clock.now += 50
    rate.pause(50)
    clock.now += 2
    rate.reach(2)
    assert rate.left(4) == 4


def test_nothing_done_is_nothing_known() -> None:
    rate = Rate(Clock())
    rate.reach(0)
    assert rate.left(5) is None
