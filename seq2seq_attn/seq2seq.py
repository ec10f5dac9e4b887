"""The whole model: encoder, bridge, decoder. It trains, decodes, saves, and draws itself."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_attn import checkpoint
from seq2seq_attn.bahdanau import Bahdanau
from seq2seq_attn.bridge import Bridge
from seq2seq_attn.config import Config
from seq2seq_attn.decoder import Decoded, Decoder
from seq2seq_attn.draw import Drawing
from seq2seq_attn.encoder import Encoder
from seq2seq_attn.gradient import dead_arrows
from seq2seq_attn.graph import Graph
from seq2seq_attn.initial import paper_weights
from seq2seq_attn.mask import check_symbols
from seq2seq_attn.nodes import FeedforwardEnergy, FeedforwardOutput, GRUStep, LSTMStep, Softmax, WeightedSum
from seq2seq_attn.trace import Recorder, TraceError
from seq2seq_attn.wiring import Step


def cross_entropy(output: Tensor, target: Tensor, target_mask: Tensor) -> Tensor:
    """The mean over all real target symbols of a batch, ``eos`` included, in nats a symbol.

    Args:
        output: y_i of all steps, logits (B, T, V).
        target: (B, T) int64.
        target_mask: (B, T) bool, True = real.
    """
    return F.cross_entropy(output[target_mask], target[target_mask])


class Seq2Seq(nn.Module):
    """An attention encoder-decoder: the encoder reads, the bridge begins, the decoder writes.

    Source and target are (B, S) and (B, T) int64 with a mask of the same shape: bool, True = real, padding on the
    right; what stands on padding is any symbol. A target ends with ``eos``; the model itself puts ``bos`` before it.

    Args:
        encoder: source symbols → h_j.
        bridge: h_j → s_0.
        decoder: the loop over its step.
        bos: the target symbol that begins a sentence.
        eos: the target symbol that ends one.
        config: what the parts were built from, if from one; needed to save.

    Example:
        >>> config = Config(
        ...     source_vocabulary=11, target_vocabulary=13, bos=0, eos=1,
        ...     embedding_size=3, hidden_size=5, attention_size=7, readout_size=2,
        ... )
        >>> model = Seq2Seq.from_config(config)
        >>> source, real = torch.tensor([[4, 8, 2]]), torch.tensor([[True, True, True]])
        >>> model.greedy(source, real, max_length=6).attn_weights.shape[-1]
        3
        >>> model.trace() == model.decoder.step.specification()
        True
    """

    def __init__(
        self, encoder: Encoder, bridge: Bridge, decoder: Decoder, *, bos: int, eos: int, config: Config | None = None
    ) -> None:
        super().__init__()
        self.encoder, self.bridge, self.decoder = encoder, bridge, decoder
        self.bos, self.eos, self.config = bos, eos, config

    @classmethod
    def from_config(cls, config: Config) -> Seq2Seq:
        """Build the model that a config describes, with first weights from torch's global generator."""
        encoder = Encoder(
            nn.Embedding(config.source_vocabulary, config.embedding_size),
            config.hidden_size,
            cell=config.cell,
            num_layers=config.num_layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout,
            reset_after=config.reset_after,
        )
        embedding, hidden, memory = config.embedding_size, config.hidden_size, encoder.memory_size
        bridge = Bridge(memory, hidden, cell=config.cell, bidirectional=config.bidirectional, reads=config.bridge)
        step = Bahdanau(
            a=FeedforwardEnergy(hidden, memory, config.attention_size),
            softmax=Softmax(),
            wsum=WeightedSum(),
            rnn=LSTMStep(embedding, memory, hidden)
            if config.cell == "LSTM"
            else GRUStep(embedding, memory, hidden, reset_after=config.reset_after),
            out=FeedforwardOutput(
                embedding,
                hidden,
                memory,
                config.readout_size,
                config.target_vocabulary,
                readout=config.readout,
                dropout=config.dropout,
            ),
        )
        decoder = Decoder(step, nn.Embedding(config.target_vocabulary, embedding))
        model = cls(encoder, bridge, decoder, bos=config.bos, eos=config.eos, config=config)
        if config.initial_weights == "paper":
            paper_weights(model)
        return model

    def forward(self, source: Tensor, source_mask: Tensor, target: Tensor, target_mask: Tensor) -> Step:
        """Teacher forcing: every step sees the true symbols before it.

        Args:
            source: (B, S) int64.
            source_mask: (B, S) bool.
            target: (B, T) int64, ``eos`` included.
            target_mask: (B, T) bool.

        Returns:
            The values of all steps: output (B, T, V), attn_weights (B, T, S), … What stands on padding means nothing.

        Raises:
            TypeError, ValueError: see `check_symbols`; source and target of different batch sizes.
        """
        prev_decoder, encoder_hidden = self._read(source, source_mask)
        check_symbols("target", target, target_mask, self.decoder.embedding.num_embeddings, source.device)
        if len(target) != len(source):
            raise ValueError(f"target has {len(target)} rows and source {len(source)}; give one target a source")
        before = torch.cat([target.new_full((len(target), 1), self.bos), target[:, :-1]], dim=1)
        step: Step = self.decoder(prev_decoder, encoder_hidden, before, mask=source_mask)
        return step

    def loss(self, source: Tensor, source_mask: Tensor, target: Tensor, target_mask: Tensor) -> Tensor:
        """Cross-entropy of the targets in nats a symbol; see `cross_entropy`."""
        return cross_entropy(self(source, source_mask, target, target_mask).output, target, target_mask)

    def greedy(self, source: Tensor, source_mask: Tensor, *, max_length: int) -> Decoded:
        """Decode with the best symbol at every step; call ``model.eval()`` first if it has dropout.

        Args:
            source: (B, S) int64.
            source_mask: (B, S) bool.
            max_length: number of target symbols at most, ``eos`` included. A row that reaches it has no ``eos``.

        Returns:
            Symbols, their mask, scores and attention weights; see `Decoded`.

        Raises:
            TypeError, ValueError: see `check_symbols`; a ``max_length`` below 1.
        """
        if max_length < 1:
            raise ValueError(f"max_length is {max_length}; decode at least 1 symbol")
        with torch.no_grad():
            prev_decoder, encoder_hidden = self._read(source, source_mask)
        return self.decoder.greedy(
            prev_decoder, encoder_hidden, mask=source_mask, bos=self.bos, eos=self.eos, max_length=max_length
        )

    def trace(self) -> Graph:
        """The graph of the decoder's step as it runs, the same in teacher forcing and in greedy decoding.

        Raises:
            TraceError: see `Recorder.graph`; a state or a symbol that is not handed on to the next step.
        """
        return self._record().graph()

    def draw(self, path: str | Path | None = None) -> Drawing:
        """The picture of the step, from a real run; saved if ``path`` says where. See `Drawing.save`."""
        recorder = self._record()
        sources = {id: Path(inspect.getfile(type(node))) for id, node in self.decoder.step.named_children()}
        drawing = Drawing(recorder.graph(), sources, type(self.decoder.step).__name__)
        if path is not None:
            drawing.save(path)
        return drawing

    def check(self, specification: Graph | None = None) -> list[str]:
        """Whether the model is its diagram: what differs, in words, and what is drawn but dead; [] if nothing.

        Args:
            specification: the diagram; by default the one that the step was written from.
        """
        try:
            recorder = self._record()
        except TraceError as error:
            return [str(error)]
        specification = self.decoder.step.specification() if specification is None else specification
        return recorder.graph().diff(specification, "the model", "the diagram") + dead_arrows(recorder)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors into a folder; see `checkpoint.save`.

        Raises:
            ValueError: a model that was built from parts, without a config to build it again.
        """
        if self.config is None:
            raise ValueError("this model was built from parts, not from a config; save its state_dict() yourself")
        checkpoint.save(folder, self.config, self.state_dict())

    @classmethod
    def from_pretrained(cls, folder: str | Path, *, device: torch.device | str = "cpu") -> Seq2Seq:
        """Read what `save_pretrained` wrote; see `checkpoint.load` for what it refuses. The model is in eval mode."""
        config, weights = checkpoint.load(folder, device)
        with torch.random.fork_rng(devices=[]):
            model = cls.from_config(config)
        checkpoint.fill(model, weights, folder)
        return model.to(device).eval()

    def example(self, steps: int = 3) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Two made-up sentences, one of them padded, and targets of ``steps`` symbols: arguments for ``forward``."""
        device = self.encoder.embedding.weight.device
        source = torch.arange(10, device=device).reshape(2, 5) % self.encoder.embedding.num_embeddings
        source_mask = torch.arange(5, device=device) < torch.tensor([[5], [4]], device=device)
        target = torch.arange(2 * steps, device=device).reshape(2, steps) % self.decoder.embedding.num_embeddings
        return source, source_mask, target, torch.ones_like(target, dtype=torch.bool)

    def _read(self, source: Tensor, source_mask: Tensor) -> tuple[Any, Tensor]:
        """s_0 and h_j of a checked source."""
        embedding = self.encoder.embedding
        check_symbols("source", source, source_mask, embedding.num_embeddings, embedding.weight.device)
        encoder_hidden: Tensor = self.encoder(source, source_mask)
        return self.bridge(encoder_hidden, source_mask), encoder_hidden

    @torch.no_grad()
    def _record(self, steps: int = 3) -> Recorder:
        """Run the example, teacher-forced and greedy, and keep what ran."""
        source, mask, target, target_mask = self.example(steps)
        with torch.random.fork_rng(devices=[source.device] if source.is_cuda else []):
            with Recorder(self.decoder.step) as forced:
                self(source, mask, target, target_mask)
            with Recorder(self.decoder.step) as greedy:
                chosen = self.decoder.greedy(
                    *self._read(source, mask), mask=mask, bos=self.bos, eos=None, max_length=steps
                ).symbols
        for recorder in (forced, greedy):
            recorder.check_handed_on()
        if differences := forced.graph().diff(greedy.graph(), "teacher forcing", "greedy decoding"):
            raise TraceError(f"the step is not the same in both loops: {'; '.join(differences)}")
        for number, (run, following) in enumerate(zip(greedy.runs, greedy.runs[1:], strict=False)):
            symbol = run.returned["output"].argmax(dim=-1)
            if not torch.equal(symbol, chosen[:, number]) or not torch.equal(
                following.given["prev_output"], self.decoder.embedding(symbol)
            ):
                raise TraceError(f"prev_output of step {number + 2} is not the symbol chosen in step {number + 1}")
        return forced
