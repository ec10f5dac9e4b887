"""Joey NMT: `build_model` with a recurrent encoder and decoder, its `Batch`, its loss and its `search`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from joeynmt import batch as batches
from joeynmt.model import build_model
from joeynmt.search import search
from joeynmt.vocabulary import Vocabulary
from torch import Tensor, nn

from benchmarks.peers import Contestant, Unfit, ended
from seq2seq_attn.data.batch import Batch

UNK, PAD, BOS, EOS = range(4)


class JoeyNMT(Contestant):
    """Its recurrent model with Bahdanau attention and input feeding, which is its default."""

    package = "joeynmt"
    note = (
        "tanh of one layer over s_i and c_i fed to the next step, no y_{i-1} in the output, whose layer has no bias; "
        "counts correct symbols; projects the keys anew at every step of decoding"
    )

    def build(self) -> nn.Module:
        case = self.case
        if case.attention != case.hidden:
            raise Unfit("its attention is as large as its decoder")
        names = {"unk_token": "<unk>", "pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "sep_token": None}
        special = SimpleNamespace(**names, unk_id=UNK, pad_id=PAD, bos_id=BOS, eos_id=EOS, lang_tags=[])
        vocabulary: Any = Vocabulary([str(symbol) for symbol in range(case.vocabulary - 4)], special)
        embeddings = {"embedding_dim": case.embedding, "dropout": case.dropout}
        recurrent = {"type": "recurrent", "rnn_type": "gru", "embeddings": embeddings, "dropout": case.dropout}
        self.nmt: Any = build_model(
            {
                "encoder": {**recurrent, "hidden_size": case.encoder, "bidirectional": True},
                "decoder": {
                    **recurrent,
                    "hidden_size": case.hidden,
                    "attention": "bahdanau",
                    "hidden_dropout": case.dropout,
                },
            },
            vocabulary,
            vocabulary,
        )
        self.nmt.loss_function = ("crossentropy", case.label_smoothing)
        model: nn.Module = self.nmt
        return model

    def batch(self, batch: Batch) -> Any:
        """Targets with both ends, of which its class makes input and target."""
        target = ended(batch.target, batch.target_mask, pad=PAD, eos=EOS)
        return batches.Batch(
            src=batch.source.masked_fill(~batch.source_mask, PAD),
            src_length=batch.source_mask.sum(dim=1),
            src_prompt_mask=None,
            trg=torch.cat([target.new_full((len(target), 1), BOS), target], dim=1),
            trg_prompt_mask=None,
            indices=torch.arange(len(target)),
            device=torch.device("cpu"),
            pad_index=PAD,
            eos_index=EOS,
        )

    def loss(self, given: Any) -> Tensor:
        total, *_ = self.nmt(return_type="loss", **vars(given))
        mean: Tensor = given.normalize(total, normalization="tokens")
        return mean

    def greedy(self, given: Any, steps: int) -> None:
        self.beam(given, steps, 1)

    def beam(self, given: Any, steps: int, size: int) -> None:
        search(self.nmt, given, steps, size, -1, min_output_length=steps)


CONTESTANTS = {"Joey NMT": JoeyNMT}
