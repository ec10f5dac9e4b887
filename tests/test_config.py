from __future__ import annotations

import json
from typing import Any

import pytest
from models import OPTIONS, config

from seq2seq_attn import Config


@pytest.mark.parametrize("name", OPTIONS)
def test_a_config_comes_back_from_its_dict(name: str) -> None:
    made = config(**OPTIONS[name])
    assert Config.from_dict(made.to_dict()) == made
    assert Config.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_the_paper_preset_has_the_papers_sizes_and_options_and_takes_changes() -> None:
    paper = Config.paper(source_vocabulary=30000, target_vocabulary=30000, bos=0, eos=1)
    assert (paper.embedding_size, paper.hidden_size, paper.attention_size, paper.readout_size) == (620, 1000, 1000, 500)
    assert (paper.readout, paper.bridge, paper.reset_after, paper.initial_weights) == (
        "maxout",
        "backward",
        False,
        "paper",
    )
    assert Config.paper(source_vocabulary=7, target_vocabulary=7, bos=0, eos=1, hidden_size=3).hidden_size == 3


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"hidden_size": 0}, ValueError, "hidden_size is 0; it is at least 1"),
        ({"hidden_size": 7.0}, TypeError, "hidden_size is 7.0; it is of type int"),
        ({"hidden_size": True}, TypeError, "hidden_size is True; it is of type int"),
        ({"bos": -1}, ValueError, "bos is -1; it is at least 0"),
        ({"eos": 19}, ValueError, "eos is 19; the target has 19 symbols"),
        ({"bos": 18}, ValueError, "bos and eos are both 18; a sentence that begins would have ended"),
        ({"cell": "SRU"}, ValueError, "cell is 'SRU'; it is one of 'GRU', 'LSTM', 'Elman'"),
        ({"readout": "relu"}, ValueError, "readout is 'relu'; it is one of 'tanh', 'maxout'"),
        ({"bridge": "first"}, ValueError, "bridge is 'first'; it is one of 'final', 'backward', 'mean'"),
        ({"encoder": "BERT"}, ValueError, "encoder is 'BERT'; it is one of 'RNN', 'pyramid', 'convolution', 'transfor"),
        ({"diagram": None}, TypeError, "diagram is None; it is of type str"),
        ({"unknown_size": -1}, ValueError, "unknown_size is -1; it is at least 0"),
        ({"coverage_loss": -0.5}, ValueError, "coverage_loss is -0.5; it is a weight of at least 0"),
        ({"coverage_loss": float("inf")}, ValueError, "coverage_loss is inf; it is a weight of at least 0"),
        ({"coverage_loss": float("nan")}, ValueError, "coverage_loss is nan; it is a weight of at least 0"),
        ({"dropout": 1.0}, ValueError, "dropout is 1.0; it is a probability below 1"),
        ({"bidirectional": 1}, TypeError, "bidirectional is 1; it is of type bool"),
        ({"cell": "LSTM", "reset_after": False}, ValueError, "reset_after=False is an option of the GRU; LSTM has no"),
        (
            {"cell": "Elman", "reset_after": False},
            ValueError,
            "reset_after=False is an option of the GRU; Elman has no",
        ),
        (
            {"bridge": "backward", "bidirectional": False},
            ValueError,
            "bridge='backward' needs an encoder with that direction",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        config(**change)


def test_unknown_and_missing_keys_are_named() -> None:
    values = config().to_dict()
    values["hiden_size"] = values.pop("hidden_size")
    with pytest.raises(ValueError, match="keys of the config, unknown: hiden_size; missing: hidden_size"):
        Config.from_dict(values)


def test_what_a_config_leaves_out_is_the_default() -> None:
    values = config().to_dict()
    for name in ("diagram", "encoder", "unknown_size", "coverage_loss"):
        del values[name]
    assert Config.from_dict(values) == config()
