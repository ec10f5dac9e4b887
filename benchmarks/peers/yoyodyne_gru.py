"""Yoyodyne: `SoftAttentionGRUModel` over its `GRUEncoder`, with the loss and the decoding of that class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from yoyodyne import special
from yoyodyne.data.batches import Batch as Padded
from yoyodyne.data.batches import PaddedTensor
from yoyodyne.models import SoftAttentionGRUModel
from yoyodyne.models.modules import GRUEncoder

from benchmarks.peers import Contestant, Unfit, ended, never
from seq2seq_attn.data.batch import Batch


class Yoyodyne(Contestant):
    """Its attentive GRU; Lightning's trainer stays away."""

    package = "yoyodyne"
    note = (
        "begins at a learnt state instead of a bridge; projects the keys anew at every step; one linear layer over s_i "
        "as output; source and target share their embeddings"
    )

    def build(self) -> nn.Module:
        case = self.case
        if case.attention != case.hidden:
            raise Unfit("its attention is as large as its decoder")
        encoder: Any = GRUEncoder(
            bidirectional=True,
            dropout=case.dropout,
            embedding_size=case.embedding,
            hidden_size=case.encoder,
            layers=1,
        )
        self.gru: Any = SoftAttentionGRUModel(
            source_encoder=encoder,
            compute_accuracy=False,
            decoder_dropout=case.dropout,
            decoder_hidden_size=case.hidden,
            embedding_size=case.embedding,
            label_smoothing=case.label_smoothing,
            target_vocab_size=case.vocabulary,
            vocab_size=case.vocabulary,
        )
        model: nn.Module = self.gru
        return model

    def batch(self, batch: Batch) -> Any:
        target = ended(batch.target, batch.target_mask, pad=special.PAD_IDX, eos=special.END_IDX)
        source = batch.source.masked_fill(~batch.source_mask, special.PAD_IDX)
        return Padded(PaddedTensor.from_tensor(source), target=PaddedTensor.from_tensor(target))

    def loss(self, given: Any) -> Tensor:
        mean: Tensor = self.gru.loss_func(self.gru(given), given.target.tensor)
        return mean

    @torch.no_grad()
    def greedy(self, given: Any, steps: int) -> None:
        """What `forward` does with a trainer around it."""
        never(self.gru.classifier.bias, special.END_IDX)
        self.gru.max_target_length = steps
        context = self.gru.source_encoder(given.source, self.gru.embeddings)
        self.gru.greedy_decode_predict_test(context, given.source.mask)

    @torch.no_grad()
    def beam(self, given: Any, steps: int, size: int) -> None:
        if len(given) * self.case.vocabulary > 100_000:
            raise Unfit("its beam makes a Python object of every symbol for every hypothesis, minutes for this batch")
        never(self.gru.classifier.bias, special.END_IDX)
        self.gru.max_target_length, self.gru.beam_width = steps, size
        self.gru(given)
        self.gru.beam_width = 1


CONTESTANTS = {"Yoyodyne": Yoyodyne}
