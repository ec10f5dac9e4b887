"""OpenNMT-py: `build_base_model` with recurrent encoder and decoder, its `LossCompute`, and its `Translator`."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import pyonmttok
import torch
from onmt.constants import DefaultTokens, ModelTask
from onmt.model_builder import build_base_model
from onmt.translate import GNMTGlobalScorer, Translator
from onmt.utils.loss import LossCompute
from torch import Tensor, nn

from benchmarks.peers import Contestant, Unfit, ended
from seq2seq_attn.data.batch import Batch

SPECIALS = [DefaultTokens.UNK, DefaultTokens.PAD, DefaultTokens.BOS, DefaultTokens.EOS]
UNK, PAD, BOS, EOS = range(4)


class InputFeeding(Contestant):
    """``-rnn_type GRU -global_attention mlp`` with `InputFeedRNNDecoder`."""

    package = "opennmt-py"
    note = (
        "a linear layer over s_i and c_i fed to the next step, no y_{i-1} and no tanh in the output; projects the keys "
        "anew at every step; counts correct symbols; greedy is a beam of 1"
    )

    def build(self) -> nn.Module:
        case = self.case
        if not case.attention == case.hidden == 2 * case.encoder:
            raise Unfit("its attention, its decoder and both directions of its encoder are of one size")
        symbols = [str(symbol) for symbol in range(case.vocabulary - len(SPECIALS))]
        self.vocabulary: Any = pyonmttok.build_vocab_from_tokens(symbols, special_tokens=SPECIALS)
        options = Namespace(
            model_task=ModelTask.SEQ2SEQ,
            model_type="text",
            encoder_type="brnn",
            decoder_type="rnn",
            input_feed=self.recurrent,
            rnn_type="GRU",
            brnn=True,
            enc_layers=1,
            dec_layers=1,
            enc_hid_size=2 * case.encoder,
            dec_hid_size=case.hidden,
            src_word_vec_size=case.embedding,
            tgt_word_vec_size=case.embedding,
            dropout=case.dropout,
            bridge=False,
            global_attention="mlp",
            global_attention_function="softmax",
            coverage_attn=False,
            context_gate=None,
            copy_attn=False,
            reuse_copy_attn=False,
            copy_attn_type=None,
            position_encoding=False,
            position_encoding_type="SinusoidalInterleaved",
            feat_merge="concat",
            feat_vec_exponent=0.7,
            feat_vec_size=-1,
            freeze_word_vecs_enc=False,
            freeze_word_vecs_dec=False,
            optim="adam",
            share_embeddings=False,
            share_decoder_embeddings=False,
            param_init=0.1,
            lambda_coverage=0.0,
            lambda_align=0.0,
            generator_function="softmax",
            label_smoothing=case.label_smoothing,
            lm_prior_model=None,
            lm_prior_lambda=0.0,
            lm_prior_tau=1.0,
        )
        self.nmt: Any = build_base_model(options, {"src": self.vocabulary, "tgt": self.vocabulary})
        for parameter in self.nmt.parameters():
            nn.init.uniform_(parameter, -options.param_init, options.param_init)  # as its build_model does
        self.compute: Any = LossCompute.from_opts(options, self.nmt, self.vocabulary)
        model: nn.Module = self.nmt
        return model

    def batch(self, batch: Batch) -> dict[str, Any]:
        """Symbols with an axis of features behind; targets with both ends."""
        target = ended(batch.target, batch.target_mask, pad=PAD, eos=EOS)
        return {
            "src": batch.source.masked_fill(~batch.source_mask, PAD)[:, :, None],
            "srclen": batch.source_mask.sum(dim=1),
            "tgt": torch.cat([target.new_full((len(target), 1), BOS), target], dim=1)[:, :, None],
        }

    def loss(self, given: dict[str, Any]) -> Tensor:
        output, attention = self.nmt(given["src"], given["tgt"], given["srclen"])
        total, statistics = self.compute(given, output, attention)
        mean: Tensor = total / statistics.n_words
        return mean

    def greedy(self, given: dict[str, Any], steps: int) -> None:
        self.beam(given, steps, 1)

    def beam(self, given: dict[str, Any], steps: int, size: int) -> None:
        search: Any = Translator(
            self.nmt,
            {"src": self.vocabulary, "tgt": self.vocabulary, "decoder_start_token": DefaultTokens.BOS},
            beam_size=size,
            min_length=steps,
            max_length=steps,
            max_length_ratio=0,
            global_scorer=GNMTGlobalScorer(0.0, 0.0, "none", "none"),
        )
        search.translate_batch({name: given[name] for name in ("src", "srclen")}, attn_debug=False)


class Standard(InputFeeding):
    """The same with ``-input_feed 0``, `StdRNNDecoder`."""

    note = (
        "no input feeding: attention runs after the loop, the cell sees no context; a linear layer over s_i and c_i, "
        "no y_{i-1} and no tanh in the output; counts correct symbols; greedy is a beam of 1"
    )
    recurrent = False


CONTESTANTS = {"OpenNMT-py": InputFeeding, "OpenNMT-py, without input feeding": Standard}
