"""SpeechBrain: `GRU`, `AttentionalRNNDecoder` with content attention, `nll_loss`, and the searchers of that decoder."""

from __future__ import annotations

from typing import Any

import torch
from speechbrain.decoders.seq2seq import S2SRNNBeamSearcher, S2SRNNGreedySearcher
from speechbrain.nnet.activations import Softmax
from speechbrain.nnet.embedding import Embedding
from speechbrain.nnet.linear import Linear
from speechbrain.nnet.losses import nll_loss
from speechbrain.nnet.RNN import GRU, AttentionalRNNDecoder
from torch import Tensor, nn

from benchmarks.peers import Contestant, ended, never, shifted
from seq2seq_attn.data.batch import Batch

BOS, EOS = 0, 1


class SpeechBrain(Contestant):
    """What its recipes join in YAML: embeddings, encoder, decoder, output."""

    package = "speechbrain"
    note = (
        "begins at 0 instead of a bridge; projects every context; a linear layer over s_i and c_i, no y_{i-1} and no "
        "tanh in the output; dropout before the decoder's cell alone"
    )

    def build(self) -> nn.Module:
        case = self.case
        self.embed_source: Any = Embedding(num_embeddings=case.vocabulary, embedding_dim=case.embedding)
        self.embed_target: Any = Embedding(num_embeddings=case.vocabulary, embedding_dim=case.embedding)
        self.encoder: Any = GRU(hidden_size=case.encoder, input_size=case.embedding, bidirectional=True)
        self.decoder: Any = AttentionalRNNDecoder(
            rnn_type="gru",
            attn_type="content",
            hidden_size=case.hidden,
            attn_dim=case.attention,
            num_layers=1,
            enc_dim=2 * case.encoder,
            input_size=case.embedding,
            dropout=case.dropout,
        )
        self.output: Any = Linear(n_neurons=case.vocabulary, input_size=case.hidden)
        self.log_softmax: Any = Softmax(apply_log=True)
        return nn.ModuleList([self.embed_source, self.embed_target, self.encoder, self.decoder, self.output])

    def batch(self, batch: Batch) -> dict[str, Tensor]:
        """Lengths are shares of the longest one."""
        target = ended(batch.target, batch.target_mask, pad=0, eos=EOS)
        return {
            "source": batch.source.masked_fill(~batch.source_mask, 0),
            "source_share": batch.source_mask.float().mean(dim=1),
            "before": shifted(target, BOS),
            "target": target,
            "target_share": batch.target_mask.float().mean(dim=1),
        }

    def loss(self, given: dict[str, Tensor]) -> Tensor:
        encoded, share = self._encoded(given)
        hidden, _ = self.decoder(self.embed_target(given["before"]), encoded, share)
        log_probabilities = self.log_softmax(self.output(hidden))
        mean: Tensor = nll_loss(
            log_probabilities,
            given["target"],
            length=given["target_share"],
            label_smoothing=self.case.label_smoothing,
        )
        return mean

    def greedy(self, given: dict[str, Tensor], steps: int) -> None:
        self._searched(S2SRNNGreedySearcher, given, steps)

    def beam(self, given: dict[str, Tensor], steps: int, size: int) -> None:
        self._searched(S2SRNNBeamSearcher, given, steps, beam_size=size)

    def _encoded(self, given: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        encoded, _ = self.encoder(self.embed_source(given["source"]), lengths=given["source_share"])
        return encoded, given["source_share"]

    @torch.no_grad()
    def _searched(self, searcher: Any, given: dict[str, Tensor], steps: int, **options: int) -> None:
        never(self.output.w.bias, EOS)
        search = searcher(
            embedding=self.embed_target,
            decoder=self.decoder,
            linear=self.output,
            bos_index=BOS,
            eos_index=EOS,
            min_decode_ratio=0,
            max_decode_ratio=steps / given["source"].shape[1],
            **options,
        )
        search(*self._encoded(given))


CONTESTANTS = {"SpeechBrain": SpeechBrain}
