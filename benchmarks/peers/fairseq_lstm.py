"""fairseq: `LSTMModel` with its attention, its cross-entropy criteria, and its `SequenceGenerator`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from fairseq.criterions.cross_entropy import CrossEntropyCriterion
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from fairseq.data import Dictionary
from fairseq.models.lstm import LSTMModel
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor, nn

from benchmarks.peers import Contestant, ended, shifted
from seq2seq_attn.data.batch import Batch


class Fairseq(Contestant):
    """The architecture ``lstm``, one layer, with a bidirectional encoder."""

    package = "fairseq-fixed"
    note = (
        "LSTM, a gate more; dot attention, which needs no tanh over S × A; tanh of one layer over s_i and c_i fed to "
        "the next step, no y_{i-1} in the output; its own Adam replaced by torch's; greedy is a beam of 1"
    )

    def build(self) -> nn.Module:
        case = self.case
        self.dictionary = Dictionary()
        for symbol in range(case.vocabulary - len(self.dictionary)):
            self.dictionary.add_symbol(str(symbol))
        task = Namespace(source_dictionary=self.dictionary, target_dictionary=self.dictionary)
        options = Namespace(
            criterion="cross_entropy",
            dropout=case.dropout,
            encoder_embed_dim=case.embedding,
            encoder_hidden_size=case.encoder,
            encoder_bidirectional=True,
            decoder_embed_dim=case.embedding,
            decoder_hidden_size=case.hidden,
            decoder_out_embed_dim=case.hidden,
        )
        self.criterion: Any = CrossEntropyCriterion(task, sentence_avg=False)
        if case.label_smoothing:
            self.criterion = LabelSmoothedCrossEntropyCriterion(task, False, case.label_smoothing)
        self.lstm: Any = LSTMModel.build_model(options, task)
        model: nn.Module = self.lstm
        return model

    def batch(self, batch: Batch) -> dict[str, Any]:
        """Sources padded on the left, as its collator does."""
        pad, eos = self.dictionary.pad(), self.dictionary.eos()
        target = ended(batch.target, batch.target_mask, pad=pad, eos=eos)
        source, lengths = batch.source.masked_fill(~batch.source_mask, pad), batch.source_mask.sum(dim=1)
        for row, length in zip(source, lengths.tolist(), strict=True):
            row.copy_(row.roll(len(row) - length))
        inputs = {"src_tokens": source, "src_lengths": lengths, "prev_output_tokens": shifted(target, eos)}
        return {"net_input": inputs, "target": target, "ntokens": int(batch.target_mask.sum())}

    def loss(self, given: dict[str, Any]) -> Tensor:
        total, symbols, _ = self.criterion(self.lstm, given)
        mean: Tensor = total / symbols
        return mean

    def greedy(self, given: dict[str, Any], steps: int) -> None:
        self.beam(given, steps, 1)

    def beam(self, given: dict[str, Any], steps: int, size: int) -> None:
        """No eos before the last step, which is eos."""
        self.lstm.decoder.make_generation_fast_(need_attn=False)  # as fairseq-generate does
        search = SequenceGenerator([self.lstm], self.dictionary, beam_size=size, max_len_b=steps - 1, min_len=steps - 1)
        search.generate([self.lstm], given)


CONTESTANTS = {"fairseq": Fairseq}
