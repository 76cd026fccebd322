"""A model trained with ESPnet's Conformer or Transformer, to go on with ``s4``."""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

# Parts of ESPnet's encoder layers in the order in which they run, each with its norm.
CONFORMER = (
    ("norm_ff_macaron", "feed_forward_macaron"),
    ("norm_mha", "self_attn"),
    ("norm_conv", "conv_module"),
    ("norm_ff", "feed_forward"),
)
TRANSFORMER = (("norm1", "self_attn"), ("norm2", "feed_forward"))

# Where the names of parameters differ.
RENAMED = {
    "w_1": "linear_in",
    "w_2": "linear_out",
    "depthwise_conv": "depthwise",
    "pointwise_conv1": "linear_in",
    "pointwise_conv2": "linear_out",
}
LAYER = re.compile(r"encoders\.(?P<block>\d+)\.(?P<part>\w+)\.(?P<name>.+)")


def from_espnet(
    state: Mapping[str, Tensor], prefix: str = "encoder."
) -> dict[str, Tensor]:
    """Return the parameters of a trained ESPnet encoder under the names of ``s4``.

    Saved with ``torch.save``, the result is for ESPnet's ``--init_param``. The YAML has
    to name the same layers: docs/encoders/conformer_10m.yaml is a Conformer. With the
    plain residual connection the outputs are those of ESPnet, but for the ``eps`` of
    the norms (1e-12 there, 1e-5 here); with any other, training goes on from there.

    Args:
        state (Mapping[str, Tensor]): State dict of a model, or of the encoder alone.
            The encoder is a ConformerEncoder with ``rel_pos_type: latest``, or a
            TransformerEncoder, whose absolute positions the stack has to be given.
        prefix (str): What the names of the encoder begin with.

    Returns:
        dict[str, Tensor]: The same with the encoder's names changed.

    Raises:
        ValueError: If no encoder layer is found.

    Examples:
        >>> from espnet2.asr.encoder.transformer_encoder import TransformerEncoder
        >>> theirs = TransformerEncoder(20, 8, num_blocks=1, input_layer="linear")
        >>> names = list(from_espnet(theirs.state_dict(), prefix=""))
        >>> names[0], names[-1]
        ('embed.embed.0.weight', 'embed.embed.2.0.factor')
    """
    inside = {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}
    matches = [match for match in map(LAYER.fullmatch, inside) if match]
    if not matches:
        raise ValueError(
            f"found no layers of an ESPnet encoder, whose names begin with "
            f"'{prefix}encoders.0.'"
        )
    places = _places({match["part"] for match in matches})
    renamed = {k: v for k, v in state.items() if not k.startswith(prefix)}
    for name, value in inside.items():
        new, shaped = _converted(name, value, places)
        renamed[prefix + new] = shaped
    return renamed | _factor(inside, prefix)


def _places(parts: Iterable[str]) -> dict[str, tuple[int, int, str]]:
    """Return in which sublayer of how many a part stands, and what it is there."""
    there = [pair for pair in (*CONFORMER, *TRANSFORMER) if set(pair) <= set(parts)]
    places = {}
    for i, (norm, layer) in enumerate(there):
        places[norm] = i, len(there), "norm"
        places[layer] = i, len(there), "layer"
    return places


def _converted(
    name: str, value: Tensor, places: Mapping[str, tuple[int, int, str]]
) -> tuple[str, Tensor]:
    """Return our name of a parameter, and the parameter in our shape."""
    match = LAYER.fullmatch(name)
    if match is None:
        if name.startswith("after_norm."):
            return name.replace("after_norm", "stack.norm"), value
        return f"embed.{name}" if name.startswith("embed.") else name, value
    if match["part"] == "norm_final":
        return f"stack.block_norms.{match['block']}.{match['name']}", value
    i, n_layers, role = places[match["part"]]
    sublayer = f"stack.sublayers.{int(match['block']) * n_layers + i}.{role}"
    module, _, rest = match["name"].partition(".")
    if module.startswith("pointwise"):
        value = value.flatten(1) if value.dim() == 3 else value
    new = RENAMED.get(module, module)
    return f"{sublayer}.{new}.{rest}" if rest else f"{sublayer}.{new}", value


def _factor(inside: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return what ESPnet's positional encodings multiply by, which is no parameter."""
    d_model = len(inside["after_norm.weight"])
    if "embed.out.weight" in inside:
        place = "embed.embed.pos_enc.0.factor"
    elif "embed.1.weight" in inside:
        place = "embed.embed.2.0.factor"
    else:
        place = "embed.embed.1.0.factor"
    return {prefix + place: torch.tensor(d_model**0.5)}
