"""This package: the picture that ships as ``bahdanau``, trained by its own `Update`."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from benchmarks.peers import Case, Contestant, Unfit, ended, never
from seq2seq_attn import Config, Seq2Seq, build, mermaid
from seq2seq_attn.config import LoopKind
from seq2seq_attn.data.batch import Batch
from seq2seq_attn.decoder import Decoder
from seq2seq_attn.fused.products import has_unit
from seq2seq_attn.nodes.embedding import Embedding
from seq2seq_attn.training.objective import Objective
from seq2seq_attn.training.recipe import Recipe
from seq2seq_attn.training.update import Update
from seq2seq_attn.wirings import Bahdanau

BOS, EOS = 0, 1


class Ours(Contestant):
    """`Update.run`: it also checks its symbols and counts rows without a mistake, and its Adam is always fused."""

    package = "seq2seq_attn"
    note = "deep output; checks its symbols, counts exact matches; fused Adam is its default"
    loop: ClassVar[LoopKind] = "fastest"

    def __init__(self, case: Case, *, fused: bool = True) -> None:
        super().__init__(case, fused=fused)
        recipe = Recipe(updates=1, label_smoothing=case.label_smoothing, precision=case.precision)
        self.update = Update(Objective(self.seq2seq, recipe), recipe)
        self.optimizer = cast(Any, self.update.optimizer)  # the one that trains

    def build(self) -> nn.Module:
        """By a config, or by parts where the directions of the encoder are not as large as the decoder."""
        case = self.case
        config = Config(
            source_vocabulary=case.vocabulary,
            target_vocabulary=case.vocabulary,
            bos=BOS,
            eos=EOS,
            embedding_size=case.embedding,
            hidden_size=case.hidden,
            attention_size=case.attention,
            readout_size=case.hidden,
            dropout=case.dropout,
        )
        self.seq2seq = (
            Seq2Seq.from_diagram("bahdanau", config) if case.encoder == case.hidden else by_parts(case, config)
        )
        self.seq2seq.loop = self.loop
        return self.seq2seq

    def batch(self, batch: Batch) -> Batch:
        return batch._replace(target=ended(batch.target, batch.target_mask, pad=EOS, eos=EOS))

    def loss(self, given: Batch) -> Tensor:
        return self.seq2seq.loss(*given)

    def step(self, given: Batch) -> float:
        return self.update.run(given.longest_first(), 1, rate=self.optimizer.param_groups[0]["lr"]).nll

    def greedy(self, given: Batch, steps: int) -> None:
        never(cast(Any, self.seq2seq.decoder.step).out.W.bias, EOS)
        self.seq2seq.greedy(given.source, given.source_mask, max_length=steps)

    def beam(self, given: Batch, steps: int, size: int) -> None:
        never(cast(Any, self.seq2seq.decoder.step).out.W.bias, EOS)
        self.seq2seq.beam(given.source, given.source_mask, max_length=steps, size=size)


class Plain(Ours):
    """``loop="plain"``."""

    note = "every operation runs at every step"
    loop = "plain"


class Scheduled(Ours):
    """``loop="scheduled"``."""

    note = "what waits for no step has left the loop"
    loop = "scheduled"


class Compiled(Ours):
    """``loop="compiled"``."""

    note = "needs a C++ compiler"
    loop = "compiled"


class Narrow(Compiled):
    """``loop="compiled"`` under autocast, in cases of float32."""

    note = "products of bfloat16, their sums and all else float32"

    def __init__(self, case: Case, *, fused: bool = True) -> None:
        if not has_unit():
            raise Unfit("this processor has no unit for bfloat16")
        if case.precision == "bfloat16":
            raise Unfit("the case is one of bfloat16")
        super().__init__(dataclasses.replace(case, precision="bfloat16"), fused=fused)


def by_parts(case: Case, config: Config) -> Seq2Seq:
    """What `Seq2Seq.from_diagram` makes, with an encoder of another size than the decoder."""
    picture = mermaid.load("bahdanau")
    encoder = build.encoder("RNN", dataclasses.replace(config, hidden_size=case.encoder))
    embed_target = Embedding(case.vocabulary, case.embedding)
    nodes = build.nodes(picture, config, memory_size=encoder.memory_size, embed_target=embed_target)
    return Seq2Seq(
        Embedding(case.vocabulary, case.embedding),
        encoder,
        build.bridge(picture, nodes, encoder, config),
        Decoder(Bahdanau(**nodes), embed_target),
        bos=BOS,
        eos=EOS,
        config=config,
    )


CONTESTANTS = {
    "ours": Ours,
    "ours, compiled loop": Compiled,
    "ours, compiled loop, bfloat16": Narrow,
    "ours, scheduled loop": Scheduled,
    "ours, plain loop": Plain,
}
