"""What is measured at one sublayer, and the whole depth of an encoder."""

from typing import NamedTuple, Optional


class Reading(NamedTuple):
    """What one sublayer does to the stream.

    Attributes:
        i_layer (int): Number of the sublayer, from 1.
        layer (str): What it is.
        mean_square (float): Mean square of the stream behind it.
        share (float): Share of the new branch: its mean square in the sum of its own
            and that of what is kept of the input.
        frames (float): How much of what changes from frame to frame in the encoder's
            stream, before the first sublayer, is still there behind this one; see
            :func:`~espnet_residuals.instruments.measuring.frames.frame_similarity`.
        gain (float): Mean square of what the layer gives, over that of what it gets;
            NaN where hooks do not reach the layer.
        cosine (float): Cosine between what goes in and what comes out, mean of frames.
        stream_gradient (float): Norm of the gradient of the stream behind it; at the
            encoder's output it is 1.
        parameter_gradient (float): Norm of the gradient of its parameters.
    """

    i_layer: int
    layer: str
    mean_square: float
    share: float
    frames: float
    gain: float
    cosine: float
    stream_gradient: float
    parameter_gradient: float


class Profile(NamedTuple):
    """The readings of one encoder.

    Attributes:
        name (str): What was probed: a residual function, or an encoder.
        parameters (int): Number of parameters of the encoder.
        readings (list[Reading]): One for each sublayer, from the first to the last.
        after_first_steps (Optional[float]): How much of the frames is in the output
            after the first steps of a training, as ``measuring/first_steps.py`` takes
            them; None if no learning rate was given.
    """

    name: str
    parameters: int
    readings: list[Reading]
    after_first_steps: Optional[float] = None
