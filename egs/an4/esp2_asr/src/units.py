"""What a confidence interval takes as independent of each other."""


def unit_of(utt_id: str) -> str:
    """Return the speaker of an utterance named ``<prompt>-<speaker>-<take>``."""
    return utt_id.split("-")[1]
