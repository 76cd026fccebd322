"""The ends that a command can come to, and what a shell sees of each."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of ``espnet-residuals``."""

    USAGE = 2
    FILE = 3
    YAML = 4
    NO_ENCODER = 5
    ENCODER = 6
    OPTION = 7
    CHECKPOINT = 8
    STATISTICS = 9
    MODEL = 10


MEANINGS = {
    Exit.USAGE: "the command line is wrong",
    Exit.FILE: "a file cannot be read or written",
    Exit.YAML: "the file is not YAML, or no mapping",
    Exit.NO_ENCODER: "the YAML has no key 'encoder'",
    Exit.ENCODER: "the encoder is unknown, or cannot be probed",
    Exit.OPTION: "an option or the residual function is wrong",
    Exit.CHECKPOINT: "the checkpoint does not fit the encoder",
    Exit.STATISTICS: "the folder holds no statistics of a training",
    Exit.MODEL: "the model cannot be loaded, or cannot stream",
}


class Failure(Exception):
    """A command cannot go on.

    Args:
        code (Exit): The exit code.
        message (str): One line for the user: what is wrong, what to do.
    """

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(" ".join(message.split()))
        self.code = code
