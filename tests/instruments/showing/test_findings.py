"""What the readings are said to mean."""

import math

from espnet_residuals.instruments.measuring.profile import Reading
from espnet_residuals.instruments.showing.findings import findings


def quiet(n: int) -> list[Reading]:
    numbers = (1.0, 0.5, 0.9, 0.1, 0.7, 1.0, 1.0)
    return [Reading(i, "S4D", *numbers) for i in range(1, n + 1)]


def test_dead_branches_are_listed_by_runs() -> None:
    readings = quiet(6)
    for i in (1, 2, 3, 5):
        readings[i] = readings[i]._replace(share=0.0)
    assert findings(readings) == [
        "sublayers 2-4, 6 are dead: the branch adds less than 0.0001 % to the stream"
    ]


def test_half_steps_in_a_deep_stack_of_decay_are_not_dead() -> None:
    readings = [reading._replace(share=1 / (2 * 80) ** 2) for reading in quiet(80)]
    assert "dead" not in findings(readings)[0]


def test_frames_that_are_lost_are_told_with_the_sublayer_that_loses_them() -> None:
    readings = quiet(4)
    for i, frames in enumerate((0.95, 0.4, 0.3, 0.2)):
        readings[i] = readings[i]._replace(frames=frames)
    assert findings(readings) == [
        "the frames are lost: of what changes from frame to frame in the input, 0.2 of "
        "1 is left in the output; sublayer 2 loses most, 0.95 before it and 0.4 behind"
    ]


def test_a_sublayer_that_keeps_nothing_is_quiet_if_it_hands_the_frames_on() -> None:
    readings = quiet(2)
    readings[0] = readings[0]._replace(share=1.0)
    assert findings(readings)[0].startswith("nothing stands out")


def test_numbers_that_hooks_do_not_reach_say_nothing() -> None:
    readings = [r._replace(frames=math.nan, gain=math.nan) for r in quiet(2)]
    assert findings(readings)[0].startswith("nothing stands out")


def test_parameters_without_gradient_are_told() -> None:
    readings = [r._replace(parameter_gradient=0.0) for r in quiet(2)]
    assert findings(readings)[0].startswith("sublayers 1-2 are not trained")


def test_explosion_and_vanishing_are_told_for_stream_and_gradient() -> None:
    readings = quiet(2)
    readings[1] = readings[1]._replace(mean_square=1e6, stream_gradient=1e6)
    assert [said.split(":")[0] for said in findings(readings)] == [
        "the stream explodes",
        "the gradient vanishes on its way to the first sublayer",
    ]
    assert [said.split(":")[0] for said in findings(readings[::-1])] == [
        "the stream dies out",
        "the gradient explodes on its way to the first sublayer",
    ]


def test_overflow_hides_everything_else() -> None:
    readings = quiet(2)
    readings[1] = readings[1]._replace(mean_square=float("inf"), share=0.0)
    assert findings(readings) == [
        "sublayer 2 is not finite: the stream or its gradient overflows"
    ]
