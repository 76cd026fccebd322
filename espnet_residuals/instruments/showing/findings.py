"""Say in plain words what the readings mean."""

import math
from typing import Callable, Optional, Sequence

from espnet_residuals.instruments.measuring.profile import Reading

# A branch whose share is less plays no part. The quietest that start alive are half
# steps in a deep stack of `decay`: with K sublayers 1 / (2 K) ** 2.
NOTHING = 1e-6
# Encoders with less of the frames at the start did not train within hundreds of steps.
FEW_FRAMES = 0.3
# Factors between the first and the last sublayer that training rarely mends.
STREAM_FACTOR = 1e4
GRADIENT_FACTOR = 1e3


def findings(
    readings: Sequence[Reading], after_first_steps: Optional[float] = None
) -> list[str]:
    """Return what stands out, in sentences.

    Args:
        readings (Sequence[Reading]): The readings of one encoder.
        after_first_steps (Optional[float]): How much of the frames first steps leave.

    Returns:
        list[str]: At least one sentence.

    Examples:
        >>> quiet = Reading(1, "FeedForward", 1.0, 0.5, 0.9, 1.0, 0.7, 1.0, 1.0)
        >>> findings([quiet])
        ['nothing stands out: mean square 1 to 1, gradient of the stream 1 to 1']
        >>> findings([quiet._replace(share=0.0)])
        ['sublayer 1 is dead: the branch adds less than 0.0001 % to the stream']
    """
    broken = _numbers(readings, _overflows)
    if broken:
        return [f"{broken} not finite: the stream or its gradient overflows"]
    found = [
        f"{numbers} {problem}"
        for numbers, problem in (
            (
                _numbers(readings, lambda r: r.share < NOTHING),
                "dead: the branch adds less than 0.0001 % to the stream",
            ),
            (
                _numbers(readings, lambda r: r.parameter_gradient == 0),
                "not trained: the gradient of the parameters is 0",
            ),
        )
        if numbers
    ]
    found += _frames(readings) + _stream(readings) + _gradient(readings)
    return (found or [_quiet(readings)]) + _first_steps(after_first_steps)


def _numbers(readings: Sequence[Reading], applies: Callable[[Reading], bool]) -> str:
    """Return which sublayers something applies to, and the verb: sublayers 1-3 are."""
    indices = [r.i_layer for r in readings if applies(r)]
    if not indices:
        return ""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    listed = ", ".join(
        str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs
    )
    return f"sublayers {listed} are" if len(indices) > 1 else f"sublayer {listed} is"


def _overflows(reading: Reading) -> bool:
    numbers = (reading.mean_square, reading.share, reading.cosine)
    gradients = (reading.stream_gradient, reading.parameter_gradient)
    return not all(map(math.isfinite, (*numbers, *gradients)))


def _frames(readings: Sequence[Reading]) -> list[str]:
    """Tell if the output has lost the frames, and which sublayer lost most of them."""
    behind = [r.frames for r in readings]
    if not behind[-1] < FEW_FRAMES:
        return []
    before = [1.0, *behind]
    worst = max(range(len(readings)), key=lambda i: before[i] - behind[i])
    return [
        f"the frames are lost: of what changes from frame to frame in the input, "
        f"{behind[-1]:.2g} of 1 is left in the output; sublayer "
        f"{readings[worst].i_layer} loses most, {before[worst]:.2g} before it and "
        f"{behind[worst]:.2g} behind"
    ]


def _first_steps(left: Optional[float]) -> list[str]:
    """Tell what first steps leave of the frames, where they were taken."""
    if left is None or math.isnan(left):
        return []
    if left < FEW_FRAMES:
        return [
            "the first steps lose the frames: while CTC learns to say blank, "
            f"{left:.2g} of 1 is left in the output; take a lower learning rate or "
            "another start"
        ]
    return [f"after the first steps {left:.2g} of 1 of the frames is in the output"]


def _stream(readings: Sequence[Reading]) -> list[str]:
    first, last = readings[0].mean_square, readings[-1].mean_square
    span = f"its mean square goes from {first:.3g} to {last:.3g}"
    if last > first * STREAM_FACTOR:
        return [f"the stream explodes: {span}"]
    if first > last * STREAM_FACTOR:
        return [f"the stream dies out: {span}"]
    return []


def _gradient(readings: Sequence[Reading]) -> list[str]:
    first, last = readings[0].stream_gradient, readings[-1].stream_gradient
    span = f"its norm goes from {last:.3g} at the last sublayer to {first:.3g}"
    if first > last * GRADIENT_FACTOR:
        return [f"the gradient explodes on its way to the first sublayer: {span}"]
    if last > first * GRADIENT_FACTOR:
        return [f"the gradient vanishes on its way to the first sublayer: {span}"]
    return []


def _quiet(readings: Sequence[Reading]) -> str:
    squares = [r.mean_square for r in readings]
    norms = [r.stream_gradient for r in readings]
    return (
        f"nothing stands out: mean square {min(squares):.3g} to {max(squares):.3g}, "
        f"gradient of the stream {min(norms):.3g} to {max(norms):.3g}"
    )
