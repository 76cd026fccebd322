"""Find keys of a training YAML that look like one that is read, and are not."""

from difflib import get_close_matches
from typing import Any, Iterator, Mapping

# Without these the probe would go on with the defaults.
READ = ("encoder_conf", "frontend_conf")
# What ESPnet's tasks read and is near to those.
OTHERS = ("codec_conf", "decoder_conf", "st_decoder_conf", "vocoder_conf")
NEAR = 0.8


def misspelled(model: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Yield the misspelled keys, each with what was meant.

    A key that has one that is read as its end, such as ``preencoder_conf``, is another
    part's; and ESPnet has no options in a key that holds no mapping.

    Args:
        model (Mapping[Any, Any]): The keys of the model.

    Yields:
        tuple[str, str]: The key, and the key that was meant.

    Examples:
        >>> options = {"output_size": 256}
        >>> list(misspelled({"encoder_cnf": options, "decoder_conf": options}))
        [('encoder_cnf', 'encoder_conf')]
    """
    for key, value in model.items():
        if not isinstance(value, Mapping) or str(key).endswith(READ):
            continue
        near = get_close_matches(str(key), (*READ, *OTHERS), n=1, cutoff=NEAR)
        if near and near[0] in READ:
            yield str(key), near[0]
