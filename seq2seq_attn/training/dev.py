"""What a model in training is worth: its loss on a corpus that it does not learn from, and how well it decodes that."""

from __future__ import annotations

from collections.abc import Callable

import torch

from seq2seq_attn.data.batches import Batches
from seq2seq_attn.scores.gold import Gold
from seq2seq_attn.scores.scoring import score
from seq2seq_attn.seq2seq import Seq2Seq, cross_entropy
from seq2seq_attn.training.recipe import Recipe
from seq2seq_attn.translate import Translator

_WINDOW = 1024  # sentences between two signs of life


@torch.no_grad()
def dev_loss(model: Seq2Seq, batches: Batches, at_work: Callable[[], None] = lambda: None) -> float:
    """The mean cross-entropy of all target symbols of a corpus, ``eos`` included, in nats; puts the model in eval mode.

    Label smoothing and what else training weighs are not in it, so that the losses of all recipes can be compared.
    """
    model.eval()
    device = model.embed_source.weight.device
    nats = symbols = 0.0
    for rows in batches.ordered():
        batch = batches.batch(rows).longest_first().to(device)
        output = model(*batch).output
        nats += cross_entropy(output, batch.target, batch.target_mask, reduction="sum").item()
        symbols += batches.target_symbols(rows)
        at_work()
    return nats / symbols


def dev_scores(
    model: Seq2Seq, batches: Batches, recipe: Recipe, at_work: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """The loss, and, if the recipe's metric asks for decoding, that metric of greedy decoding, in percent.

    Pairs with the same source are one sentence with several references, as for `evaluate`. ``at_work`` is called again
    and again, see `Alone`.
    """
    scores = {"loss": dev_loss(model, batches, at_work)}
    if recipe.metric != "loss":
        gold = Gold.of(batches.corpus, batches.vocabularies.target.segmentation)
        translator = Translator([model], [batches.vocabularies], beam=1, max_tokens=recipe.max_tokens, window=_WINDOW)
        texts = []
        for one in translator.translate(gold.sources):
            texts.append(one.text)
            at_work()
        written = gold.sentences(texts)
        scores[recipe.metric] = score(written, gold.wanted, metrics=[recipe.metric])[recipe.metric].value
    return scores
