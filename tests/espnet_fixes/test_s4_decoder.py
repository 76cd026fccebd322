"""ESPnet's ``S4Decoder`` with the residual functions of this package.

The same model as with ESPnet's own functions, number by number; it trains, and searches
a beam, whatever the norms, the residual function and the precision.
"""

import copy
from argparse import Namespace
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from espnet2.asr.decoder.s4_decoder import S4Decoder
from espnet2.asr.state_spaces import residual as espnets
from espnet2.legacy.nets.batch_beam_search import BatchBeamSearch
from espnet2.tasks.asr import ASRTask
from torch import Tensor, nn

import espnet_residuals
from espnet_residuals import fix_state_spaces
from espnet_residuals.integration.registration import replace_residuals

VOCABULARY = 6
END = VOCABULARY - 1
FEATURES = 8

# What egs2/librispeech/asr1/conf/tuning/train_asr_s4_decoder.yaml builds.
LIBRISPEECH_FEATURES = 512
LIBRISPEECH_ENCODER: dict[str, Any] = {
    "output_size": LIBRISPEECH_FEATURES,
    "attention_heads": 8,
    "linear_units": 2048,
    "num_blocks": 12,
    "dropout_rate": 0.1,
    "positional_dropout_rate": 0.1,
    "attention_dropout_rate": 0.1,
    "input_layer": "conv2d",
    "normalize_before": True,
    "macaron_style": True,
    "rel_pos_type": "latest",
    "pos_enc_layer_type": "rel_pos",
    "selfattention_layer_type": "rel_selfattn",
    "activation_type": "swish",
    "use_cnn_module": True,
    "cnn_module_kernel": 31,
}
LIBRISPEECH: dict[str, Any] = {
    "dropinp": 0.0,
    "dropout": 0.1,
    "drop_path": 0.1,
    "prenorm": True,
    "n_layers": 6,
    "transposed": False,
    "tie_dropout": False,
    "layer": [
        {
            "_name_": "s4",
            "postact": "glu",
            "dropout": 0.1,
            "n_ssm": 1,
            "bidirectional": False,
            "lr": 0.0025,
            "dt_min": 0.001,
            "dt_max": 0.1,
            "measure": "legs",
        },
        {"_name_": "mha", "n_head": 8, "dropout": 0.1},
        {"_name_": "ff", "expand": 4, "activation": "gelu", "dropout": 0.1},
    ],
    "norm": "layer",
}


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    """Call ``register`` for a test, and put ESPnet's registry back."""
    before = dict(espnets.registry)
    espnet_residuals.register()
    # The callback runs once; an earlier test may have undone what it did.
    replace_residuals(espnets)
    yield
    espnets.registry.clear()
    espnets.registry.update(before)


def small_decoder(residual: Any, **options: Any) -> S4Decoder:
    layers = [{"_name_": "s4", "d_state": 8}, {"_name_": "mha", "n_head": 2}]
    config = {"n_layers": 2, "dropout": 0.1, "norm": "layer", **options}
    return S4Decoder(
        VOCABULARY,
        FEATURES,
        layer=[*layers, {"_name_": "ff", "dropout": 0.2}],
        residual=residual,
        **config,
    )


def librispeech_decoder(residual: Any) -> S4Decoder:
    config = copy.deepcopy(LIBRISPEECH)  # ESPnet writes into it
    return S4Decoder(VOCABULARY, LIBRISPEECH_FEATURES, residual=residual, **config)


def librispeech_model(residual: str) -> nn.Module:
    config = {
        "token_list": [str(token) for token in range(VOCABULARY)],
        "encoder": "conformer",
        "encoder_conf": LIBRISPEECH_ENCODER,
        "decoder": "s4",
        "decoder_conf": {**copy.deepcopy(LIBRISPEECH), "residual": residual},
        "model_conf": {
            "ctc_weight": 0.3,
            "lsm_weight": 0.1,
            "length_normalized_loss": False,
        },
        "frontend_conf": {"n_fft": 512, "hop_length": 160},
        "normalize": None,  # needs statistics
    }
    return ASRTask.build_model(Namespace(**{**ASRTask.get_default_config(), **config}))


def batch(n_features: int = FEATURES) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return two recordings and their prefixes, of unequal lengths."""
    memory, tokens = torch.randn(2, 9, n_features), torch.randint(VOCABULARY, (2, 5))
    return memory, torch.tensor([9, 6]), tokens, torch.tensor([5, 3])


def prepare_steps(decoder: S4Decoder) -> None:
    """Do what ESPnet's ``Speech2Text`` does before it decodes."""
    for module in decoder.modules():
        if hasattr(module, "setup_step"):
            module.setup_step()


def score_token_by_token(decoder: S4Decoder, memory: Tensor, tokens: Tensor) -> Tensor:
    """Return log-probabilities, (length, vocabulary), as a search asks for them."""
    prepare_steps(decoder)
    states = [decoder.init_state(memory)]
    scores = []
    for length in range(1, tokens.size(0) + 1):
        logp, states = decoder.batch_score(tokens[None, :length], states, memory[None])
        scores.append(logp[0])
    return torch.stack(scores)


@pytest.mark.parametrize("residual", ["residual", {"_name_": "decay", "power": 0.5}])
def test_every_sublayer_has_our_class_and_its_number(residual: Any) -> None:
    blocks = librispeech_decoder(residual).decoder.layers
    assert len(blocks) == 18
    for number, block in enumerate(blocks, start=1):
        assert type(block.residual).__module__.startswith("espnet_residuals.residual")
        assert block.residual.i_layer == number
        expected = 1.0 if residual == "residual" else number**-0.5
        assert block.residual.beta == pytest.approx(expected)


@pytest.mark.parametrize("name", ["residual", "decay"])
def test_librispeech_recipe_builds_and_has_a_finite_loss(name: str) -> None:
    model = librispeech_model(name).eval()
    for block in model.decoder.decoder.layers:
        assert type(block.residual) is espnet_residuals.registry[name]
    speech, speech_lengths = torch.randn(2, 16_000), torch.tensor([16_000, 12_000])
    text, text_lengths = torch.ones(2, 4, dtype=torch.int64), torch.tensor([4, 2])
    with torch.no_grad():
        loss, *_ = model(speech, speech_lengths, text, text_lengths)
    assert loss.isfinite()


@pytest.mark.parametrize(
    "residual",
    [
        "residual",
        {"_name_": "decay", "power": 1.0, "l2": False},
        {"_name_": "affine", "gamma": 0.5},
        {"_name_": "highway", "elemwise": True},
        "feedforward",
        None,
    ],
)
def test_same_checkpoint_gives_the_numbers_of_espnets_functions(residual: Any) -> None:
    ours = small_decoder(residual).eval()
    name = residual["_name_"] if isinstance(residual, dict) else residual
    if name is not None:
        assert type(ours.decoder.layers[0].residual) is espnet_residuals.registry[name]
    own = {cls.__name__: cls for cls in vars(espnets).values() if isinstance(cls, type)}
    espnets.registry.update(
        {
            key: own[cls.__name__]
            for key, cls in espnets.registry.items()
            if cls.__name__ in own
        }
    )
    theirs = small_decoder(residual).eval()
    theirs.load_state_dict(ours.state_dict())
    inputs = batch()
    torch.testing.assert_close(ours(*inputs)[0], theirs(*inputs)[0])


@pytest.mark.parametrize("residual", ["residual", "decay"])
def test_librispeech_configuration_trains(residual: str) -> None:
    decoder = librispeech_decoder(residual)
    scores, lengths = decoder(*batch(LIBRISPEECH_FEATURES))
    scores.square().sum().backward()
    assert scores.shape == (2, 5, VOCABULARY) and lengths.tolist() == [5, 3]
    assert [n for n, p in decoder.named_parameters() if p.grad is None] == []


@pytest.mark.usefixtures("fixed")
@pytest.mark.parametrize("residual", ["residual", "decay"])
def test_librispeech_configuration_scores_token_by_token_as_in_one_piece(
    residual: str,
) -> None:
    decoder = librispeech_decoder(residual).eval()
    memory, memory_lengths, tokens, lengths = batch(LIBRISPEECH_FEATURES)
    with torch.no_grad():
        scores, _ = decoder(memory, memory_lengths, tokens, lengths)
        expected = scores[0].log_softmax(-1)
        got = score_token_by_token(decoder, memory[0], tokens[0])
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prenorm", [True, False])
@pytest.mark.parametrize("norm", ["layer", "batch"])
@pytest.mark.parametrize("residual", ["residual", "decay", None])
@pytest.mark.parametrize("drop_path", [0.0, 0.1])
def test_every_parameter_learns(
    prenorm: bool, norm: str, residual: Any, drop_path: float
) -> None:
    decoder = small_decoder(residual, prenorm=prenorm, norm=norm, drop_path=drop_path)
    scores, _ = decoder(*batch())
    scores.square().sum().backward()
    assert [n for n, p in decoder.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("residual", ["residual", "decay", "rezero", None])
def test_scores_depend_on_no_later_token_and_on_no_padding(residual: Any) -> None:
    decoder = small_decoder(residual).eval()
    memory, memory_lengths, tokens, lengths = batch()
    with torch.no_grad():
        # C of the S4 layers is prepared for a length once, so the longest comes first.
        whole, _ = decoder(memory, memory_lengths, tokens, lengths)
        changed = tokens.clone()
        changed[:, 3:] = (changed[:, 3:] + 1) % VOCABULARY
        later, _ = decoder(memory, memory_lengths, changed, lengths)
        alone, _ = decoder(memory[1:, :6], memory_lengths[1:], tokens[1:], lengths[1:])
    torch.testing.assert_close(later[:, :3], whole[:, :3])
    torch.testing.assert_close(alone[0, :3], whole[1, :3])


def beam_search(decoder: S4Decoder, dtype: torch.dtype) -> BatchBeamSearch:
    """Return a search whose hypotheses go on until it ends them itself."""
    with torch.no_grad():
        decoder.output.bias[END] = -100.0
    search = BatchBeamSearch(
        beam_size=3,
        vocab_size=VOCABULARY,
        weights={"decoder": 1.0},
        scorers={"decoder": decoder},
        token_list=["<blank>", "a", "b", "c", "<unk>", "<sos/eos>"],
        sos=END,
        eos=END,
        pre_beam_score_key=None,
    )
    search.to(dtype=dtype).eval()
    prepare_steps(decoder)
    return search


def score_in_one_piece(decoder: S4Decoder, memory: Tensor, tokens: Tensor) -> Tensor:
    """Return the log-probability of all tokens but the first."""
    prefix, following = tokens[None, :-1], tokens[1:]
    lengths = torch.tensor([memory.size(0)]), torch.tensor([len(following)])
    scores, _ = decoder(memory[None], lengths[0], prefix, lengths[1])
    return scores[0].log_softmax(-1).gather(1, following[:, None]).sum()


@pytest.mark.usefixtures("fixed")
@pytest.mark.parametrize("prenorm", [True, False])
@pytest.mark.parametrize("norm", ["layer", "batch"])
@pytest.mark.parametrize("residual", ["residual", "decay"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_beam_search_adds_up_the_log_probabilities_of_each_hypothesis(
    prenorm: bool, norm: str, residual: Any, dtype: torch.dtype
) -> None:
    decoder = small_decoder(residual, prenorm=prenorm, norm=norm)
    search = beam_search(decoder, dtype)
    memory = torch.randn(10, FEATURES, dtype=dtype)
    with torch.no_grad():
        hypotheses = search(x=memory)
        assert len(hypotheses) == 3
        for found in hypotheses:
            # The search adds the end, at no cost.
            expected = score_in_one_piece(decoder, memory, found.yseq[:-1])
            got = torch.as_tensor(found.score, dtype=dtype)
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("fixed")
def test_utterances_searched_together_give_what_each_gives_alone() -> None:
    search = beam_search(small_decoder("decay"), torch.float64)
    memory, lengths = torch.randn(2, 10, FEATURES).double(), torch.tensor([10, 6])
    with torch.no_grad():
        together = search(x=memory, x_lengths=lengths)
        for found, x, length in zip(together, memory, lengths.tolist()):
            alone = search(x=x[:length])
            assert [h.yseq.tolist() for h in found] == [h.yseq.tolist() for h in alone]
            for mine, other in zip(found, alone):
                assert float(mine.score) == pytest.approx(float(other.score))


@pytest.mark.parametrize("is_fixed", [False, True])
def test_each_prefix_is_scored_from_its_own_state(is_fixed: bool) -> None:
    decoder = small_decoder("decay").eval()
    prepare_steps(decoder)
    memory, start = torch.randn(1, 7, FEATURES), torch.tensor([[0], [1], [2]])
    tokens = torch.cat([start, torch.zeros_like(start)], dim=1)
    with torch.no_grad(), fix_state_spaces() if is_fixed else nullcontext():
        states = [
            decoder.batch_score(token[None], [decoder.init_state(memory)], memory)[1][0]
            for token in start
        ]
        alone = [
            decoder.batch_score(prefix[None], [state], memory)[0]
            for prefix, state in zip(tokens, states)
        ]
        together, _ = decoder.batch_score(tokens, states, memory.expand(3, -1, -1))
    error = (together - torch.cat(alone)).abs().amax(dim=1)
    assert error[0] < 1e-5  # the first was always right
    assert error.max() < 1e-5 if is_fixed else error[1:].min() > 1e-3


@pytest.mark.parametrize("is_fixed", [False, True])
def test_search_offers_its_mask_of_the_padding(is_fixed: bool) -> None:
    with fix_state_spaces() if is_fixed else nullcontext():
        offers = BatchBeamSearch.supports_xs_mask(small_decoder("decay"))
    assert offers is is_fixed


def test_score_of_a_single_hypothesis_is_refused_as_by_espnet() -> None:
    decoder = small_decoder("decay").eval()
    memory = torch.randn(7, FEATURES)
    with pytest.raises(NotImplementedError):
        decoder.score(torch.tensor([END]), decoder.init_state(memory), memory)
