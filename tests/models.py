"""The table of models: every option of a config, at sizes that are different primes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seq2seq_attn import Config, Seq2Seq
from seq2seq_attn.mask import length_mask

OPTIONS: dict[str, dict[str, Any]] = {
    "gru": {},
    "lstm": {"cell": "LSTM"},
    "one direction": {"bidirectional": False},
    "two layers": {"num_layers": 2},
    "lstm, two layers, one direction": {"cell": "LSTM", "num_layers": 2, "bidirectional": False},
    "reset before": {"reset_after": False, "num_layers": 2},
    "reset before, one direction": {"reset_after": False, "bidirectional": False},
    "maxout": {"readout": "maxout"},
    "backward bridge": {"bridge": "backward"},
    "paper": {"reset_after": False, "readout": "maxout", "bridge": "backward", "initial_weights": "paper"},
}


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
    """A model of the table in float64 and eval mode; larger weights than the first ones, so that it has opinions."""
    built = Seq2Seq.from_config(config(**OPTIONS[name])).double().eval()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.copy_(torch.randn_like(parameter) * scale / parameter.shape[-1] ** 0.5)
    return built


def batch() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Three sentences of different lengths on both sides, with their masks; each target ends with eos."""
    source_mask, target_mask = length_mask(torch.tensor([5, 1, 3])), length_mask(torch.tensor([2, 4, 3]))
    source, target = torch.randint(23, (3, 5)), torch.randint(17, (3, 4))
    return (
        source,
        source_mask,
        torch.where(target_mask, target, 0).scatter(1, target_mask.sum(1)[:, None] - 1, 18),
        target_mask,
    )
