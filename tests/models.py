"""The table of models over which the laws run: every option of a config, every picture that ships, and edited ones.

Sizes are different primes, so that no axis passes for another, but where heads have to share one.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import torch
from torch import Tensor

from seq2seq_attn import Config, Seq2Seq, Vocabularies, Vocabulary
from seq2seq_attn.data.segmentation import Characters
from seq2seq_attn.mask import length_mask
from seq2seq_attn.mermaid import shipped
from seq2seq_attn.nodes import Monotonic
from seq2seq_attn.wirings import WIRINGS


def edited(name: str, *changes: tuple[str, str]) -> str:
    """The text of a picture that ships, with changes: each what stands there once, and what instead."""
    text = shipped()[name]
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}.mmd"
        text = text.replace(old, new)
    return text


HEADS = {"hidden_size": 6, "attention_size": 20}  # 4 heads, of 3 numbers of h_j and 5 of the energy
COPIES = {"source_vocabulary": 19, "unknown_size": 4}  # source and target share their numbers: 19 known, up to 23
PICTURES: dict[str, dict[str, Any]] = {name: {"diagram": name} for name in (*WIRINGS, "seq2seq")}
PICTURES["multihead"] |= HEADS
PICTURES["pointer_generator"] |= COPIES

EDITED: dict[str, dict[str, Any]] = {
    "sparsemax": {"diagram": edited("bahdanau", ("softmax[softmax]", "softmax[sparsemax]"))},
    "entmax15": {"diagram": edited("luong", ("softmax[softmax]", "softmax[entmax15]"))},
    "hard": {"diagram": edited("bahdanau", ("softmax[softmax]", "softmax[hard, temperature 0.5]"))},
    "temperature": {"diagram": edited("bahdanau", ("softmax[softmax]", "softmax[softmax, temperature 2]"))},
    "concat": {"diagram": edited("bahdanau", ("a[feedforward]", "a[concat]"))},
    "dot": {"diagram": edited("luong", ("a[general]", "a[dot]")), "bidirectional": False},
    "scaled_dot": {"diagram": edited("bahdanau", ("a[feedforward]", "a[scaled_dot]")), "bidirectional": False},
    "heads of another energy": {
        "diagram": edited(
            "multihead",
            ("a[scaled_dot, 4 heads]", "a[feedforward, 7 heads]"),
            ("wsum[weighted_sum, 4", "wsum[weighted_sum, 7"),
        ),
        "attention_size": 14,
    },
    "sparse heads": {"diagram": edited("multihead", ("softmax[softmax]", "softmax[entmax15]")), **HEADS},
    "lstm of two layers, residual": {"diagram": edited("bahdanau", ("rnn[RNN]", "rnn[LSTM, 2 layers, residual]"))},
    "gru of three layers": {"diagram": edited("luong", ("rnn[RNN]", "rnn[RNN, 3 layers]")), "reset_after": False},
    "elman of two layers, variational": {
        "diagram": edited("bahdanau", ("rnn[RNN]", "rnn[Elman, 2 layers, residual, dropout 0.3, variational]"))
    },
    "one layer in layers": {"diagram": edited("bahdanau", ("rnn[RNN]", "rnn[LSTM, 1 layers]"))},
    "readout of two states": {"diagram": edited("bahdanau", ("s_i --> out", "s_i --> out\ns_ii --> out"))},
    "tied": {"diagram": edited("bahdanau", ("out[feedforward]", "out[tied]"))},
    "mixture of softmaxes": {
        "diagram": edited("bahdanau", ("out[feedforward]", "out[mixture_of_softmaxes, 2 components]"))
    },
    "local_p": {
        "diagram": edited(
            "bahdanau",
            ("} attn_weights", "} all_weights"),
            ("e_ij[", 'w_ij["w_{ij} attn_weights"]\ne_ij['),
            ("subgraph \n    wsum", "subgraph \n    window[local_p, width 3]\nend\nsubgraph \n    wsum"),
            ("alpha_ij --> wsum", "alpha_ij --> window\ns_ii --> window\nwindow --> w_ij\nw_ij --> wsum"),
        )
    },
    "fertility": {
        "diagram": edited(
            "coverage",
            ("cover[coverage]", "cover[fertility]"),
            ("alpha_ij --> cover", "alpha_ij --> cover\nh_j --> cover"),
        )
    },
    "location of few filters": {
        "diagram": edited("location_aware", ("conv[location]", "conv[location, 3 filters, width 7]"))
    },
    "seq2seq of another encoder": {
        "diagram": edited("seq2seq", ("encoder[RNN]", "encoder[pyramid, 2 layers]"), ("rnn[RNN]", "rnn[LSTM]"))
    },
}

OPTIONS: dict[str, dict[str, Any]] = {
    "gru": {},
    "lstm": {"cell": "LSTM"},
    "elman": {"cell": "Elman"},
    "one direction": {"bidirectional": False},
    "two layers": {"num_layers": 2},
    "lstm, two layers, one direction": {"cell": "LSTM", "num_layers": 2, "bidirectional": False},
    "elman, two layers": {"cell": "Elman", "num_layers": 2},
    "reset before": {"reset_after": False, "num_layers": 2},
    "reset before, one direction": {"reset_after": False, "bidirectional": False},
    "maxout": {"readout": "maxout"},
    "backward bridge": {"bridge": "backward"},
    "mean bridge": {"bridge": "mean"},
    "paper": {"reset_after": False, "readout": "maxout", "bridge": "backward", "initial_weights": "paper"},
    **{name: options for name, options in PICTURES.items() if name != "bahdanau"},  # that one is "gru"
    **{
        f"{name}, {cell.lower()}": {**PICTURES[name], "cell": cell}
        for name, cell in (
            ("conditional_gru", "LSTM"),
            ("groundhog", "LSTM"),
            ("luong", "LSTM"),
            ("luong", "Elman"),
            ("luong_input_feeding", "LSTM"),
            ("no_attention", "LSTM"),
            ("pointer_generator", "LSTM"),
            ("seq2seq", "Elman"),
        )
    },
    "no_attention, reset before": {"diagram": "no_attention", "reset_after": False},
    "coverage loss": {"diagram": "coverage", "coverage_loss": 1.5},
    "fertility, coverage loss": {**EDITED["fertility"], "coverage_loss": 1},
    "pyramid": {"encoder": "pyramid", "num_layers": 2},
    "pyramid of three layers, lstm": {"encoder": "pyramid", "num_layers": 3, "cell": "LSTM", "diagram": "monotonic"},
    "convolution": {"encoder": "convolution", "num_layers": 2, "bridge": "mean"},
    "transformer": {"encoder": "transformer", "hidden_size": 8, "diagram": "luong"},
    **EDITED,
}


# The model's source has more symbols: letters stand for the first 17, and bos and eos behind them in a target.
LETTERS = Vocabularies(*[Vocabulary(tuple("abcdefghijklmnopq"), Characters(), closed=True)] * 2)


def config(**options: Any) -> Config:
    """Small, with another prime for each size."""
    sizes: dict[str, Any] = {
        "source_vocabulary": 23,
        "target_vocabulary": 19,
        "bos": 17,
        "eos": 18,
        "embedding_size": 5,
        "hidden_size": 7,
        "attention_size": 13,
        "readout_size": 11,
    }
    return Config(**(sizes | options))


def model(name: str, *, scale: float = 3.0) -> Seq2Seq:
    """A model of the table in float64 and eval mode; larger weights than the first ones, so that it has opinions.

    A monotonic attention is without noise, so that it can be compared in training, where it has gradients.
    """
    built = copy.deepcopy(_fresh(name))
    with torch.no_grad():
        for parameter in built.parameters():
            fan = parameter[0].numel() if parameter.dim() > 1 else parameter.numel()
            parameter.copy_(torch.randn_like(parameter) * scale / fan**0.5)
        if isinstance(mono := dict(built.named_modules()).get("decoder.step.mono"), Monotonic):
            mono.noise = 0.0
    return built


@cache
def _fresh(name: str) -> Seq2Seq:
    """Built once, as copies are made sooner; it takes no random numbers, so that a test has the same in any order."""
    with torch.random.fork_rng(devices=[]):
        return Seq2Seq.from_config(config(**OPTIONS[name])).double().eval()


def batch(name: str = "gru") -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Three sentences of different lengths on both sides, with their masks; each target ends with eos.

    For a model of the table that copies, the first symbol of each row is unknown, in source and target.
    """
    source_mask, target_mask = length_mask(torch.tensor([5, 1, 3])), length_mask(torch.tensor([2, 4, 3]))
    source, target = torch.randint(23, (3, 5)), torch.randint(17, (3, 4))
    if "unknown_size" in OPTIONS[name]:
        source[:, 0] = target[:, 0] = torch.tensor([19, 22, 20])
    return (
        source,
        source_mask,
        torch.where(target_mask, target, 0).scatter(1, target_mask.sum(1)[:, None] - 1, 18),
        target_mask,
    )
