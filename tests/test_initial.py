"""First weights: those of Bahdanau et al. 2015, appendix B.1, and embeddings of length 1."""

from __future__ import annotations

import pytest
import torch

from seq2seq_attn import Config, Seq2Seq
from seq2seq_attn.mermaid import shipped


def paper(**changes: object) -> Seq2Seq:
    sizes = {"embedding_size": 61, "hidden_size": 101, "attention_size": 97, "readout_size": 53}
    return Seq2Seq.from_config(
        Config.paper(source_vocabulary=203, target_vocabulary=199, bos=0, eos=1, **{**sizes, **changes})
    )


CHANGES: dict[str, dict[str, object]] = {
    "gru": {},
    "lstm": {"cell": "LSTM", "reset_after": True},
    "elman": {"cell": "Elman", "reset_after": True},
    "two recurrences": {"diagram": "conditional_gru"},
    "layers": {"diagram": shipped()["bahdanau"].replace("rnn[RNN]", "rnn[RNN, 2 layers]")},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_each_parameter_begins_as_the_paper_says(changes: dict[str, object]) -> None:
    spreads = set()
    for name, parameter in paper(**changes).named_parameters():
        leaf = name.split(".")[-1]
        if leaf.startswith("bias") or name == "decoder.step.a.v.weight":
            assert not parameter.any(), name
        elif leaf.startswith("weight_hh"):
            for gate in torch.split(parameter, 101):
                torch.testing.assert_close(gate @ gate.T, torch.eye(101), rtol=0, atol=1e-5)
        else:
            spread = 0.001 if name in ("decoder.step.a.W.weight", "decoder.step.a.U.weight") else 0.01
            spreads.add(spread)
            assert abs(parameter.std().item() / spread - 1) < 0.1, name
            assert abs(parameter.mean().item()) < 0.1 * spread, name
    assert spreads == {0.001, 0.01}


def test_the_preset_is_built_of_the_papers_parts() -> None:
    model = paper()
    assert model.decoder.step.rnn.reset_after is False and model.encoder.reset_after is False
    assert model.decoder.step.out.readout == "maxout" and model.bridge.reads == "backward"
    assert model.check() == []  # though v_a = 0 lets no gradient through the energy yet


def test_an_encoder_that_the_paper_says_nothing_of_is_refused() -> None:
    with pytest.raises(
        ValueError, match="initial_weights='paper' is for recurrent encoders; this one is 'transformer'"
    ):
        paper(encoder="transformer", hidden_size=8, bridge="mean")


def test_a_threshold_that_the_paper_does_not_have_keeps_its_first_value() -> None:
    monotonic = shipped()["monotonic"].replace("mono[monotonic]", "mono[monotonic, initial_bias -4]")
    assert paper(diagram=monotonic).decoder.step.mono.r == -4
    tied = paper(diagram=shipped()["bahdanau"].replace("out[feedforward]", "out[tied]"))
    assert not tied.decoder.step.out.b.any()
    assert abs(tied.decoder.embed_target.weight.std().item() / 0.01 - 1) < 0.1


def test_unit_embeddings_are_torchs_own_divided_by_their_length() -> None:
    made = {}
    for kind in ("default", "unit"):
        torch.manual_seed(0)
        made[kind] = dict(paper(initial_weights=kind, bridge="final").named_parameters())
    for name, parameter in made["default"].items():
        divisor = 61**0.5 if name in ("embed_source.weight", "decoder.embed_target.weight") else 1.0
        assert torch.equal(made["unit"][name], parameter / divisor), name
