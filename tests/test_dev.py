"""What a model in training is worth on a dev set."""

from __future__ import annotations

import pytest
import torch

from seq2seq_attn import Batches, Config, Corpus, Recipe, Seq2Seq, Translator, Vocabularies
from seq2seq_attn.training.dev import dev_loss, dev_scores

PAIRS = [("read", "R IY D"), ("cab", "K AE B"), ("read", "R EH D"), ("bad", "B AE D"), ("dab", "D AE B")]
CORPUS = Corpus.of(PAIRS, "dev")
VOCABULARIES = Vocabularies.of(CORPUS)


def made() -> Seq2Seq:
    torch.manual_seed(3)
    sizes = {"embedding_size": 3, "hidden_size": 5, "attention_size": 7, "readout_size": 2}
    return Seq2Seq.from_config(Config(**VOCABULARIES.sizes(), dropout=0.5, **sizes)).double()


@pytest.mark.parametrize("max_tokens", [7, 1000])
def test_the_loss_is_the_mean_over_all_symbols_whatever_the_batches(max_tokens: int) -> None:
    net = made()
    batches = Batches(CORPUS, VOCABULARIES, max_tokens=max_tokens)
    found = dev_loss(net, batches)
    nats = symbols = 0.0
    for pair in CORPUS:
        batch = VOCABULARIES.batch([pair])
        logits = net(*batch).output[0]
        for step, symbol in enumerate(batch.target[0].tolist()):
            nats -= logits[step].log_softmax(dim=0)[symbol].item()
            symbols += 1
    assert not net.training and found == pytest.approx(nats / symbols, rel=1e-9)


def test_a_word_is_right_by_any_of_its_references(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"read": "R EH D", "cab": "K AE B", "bad": "B AE T", "dab": "D AE"}
    translate = Translator.translate

    def translated(self: Translator, sources: list[str]) -> object:
        for one in translate(self, sources):
            yield one._replace(hypotheses=(one.hypotheses[0]._replace(text=said[one.source]),))

    monkeypatch.setattr(Translator, "translate", translated)
    batches = Batches(CORPUS, VOCABULARIES, max_tokens=100)
    scores = dev_scores(made(), batches, Recipe(updates=1, metric="exact_match"))
    assert [*scores] == ["loss", "exact_match"] and scores["exact_match"] == 50.0
    errors = dev_scores(made(), batches, Recipe(updates=1, metric="symbol_error_rate"))["symbol_error_rate"]
    assert errors == pytest.approx(100 * 2 / 12)


def test_without_a_metric_nothing_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Translator, "translate")
    assert [*dev_scores(made(), Batches(CORPUS, VOCABULARIES, max_tokens=100), Recipe(updates=1))] == ["loss"]
