"""The whole model: encoder, bridge, decoder. It trains, decodes, saves, and draws itself."""

from __future__ import annotations

import dataclasses
import inspect
from itertools import pairwise
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
from seq2seq_attn.gradient import dead_arrows, false_keywords
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
        for name, symbol in (("bos", bos), ("eos", eos)):
            if not 0 <= symbol < decoder.embedding.num_embeddings:
                raise ValueError(
                    f"{name} is {symbol}; the target has the symbols 0 to {decoder.embedding.num_embeddings - 1}"
                )
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
        with torch.no_grad():
            prev_decoder, encoder_hidden = self._read(source, source_mask)
        return self.decoder.greedy(
            prev_decoder, encoder_hidden, mask=source_mask, bos=self.bos, eos=self.eos, max_length=max_length
        )

    def trace(self) -> Graph:
        """The graph of the decoder's step as it runs: the same in training, in evaluation and in greedy decoding.

        Raises:
            TraceError: see `Recorder.graph`; a state or a symbol that is not handed on to the next step.
        """
        return self._record().graph()

    def draw(self, path: str | Path | None = None) -> Drawing:
        """The picture of the step, from a real run; saved if ``path`` says where. See `Drawing.save`."""
        recorder = self._record()
        sources = {id: file for id, node in self.decoder.step.named_children() if (file := _source(node))}
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
        differences = recorder.graph().diff(specification, "the model", "the diagram")
        return differences + dead_arrows(recorder) + false_keywords(recorder)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors into a folder; see `checkpoint.save`.

        Raises:
            ValueError: a model that its config does not build again: made from parts, edited, or of another dtype.
            OSError: a folder that cannot be written.
        """
        if self.config is None:
            raise ValueError("this model was built from parts, not from a config; save its state_dict() yourself")
        with torch.device("meta"):
            twin = Seq2Seq.from_config(dataclasses.replace(self.config, initial_weights="default"))
        built = {name: type(module) for name, module in twin.named_modules()}
        for name, module in self.named_modules():
            if built.get(name) is not type(module):
                wanted = built[name].__name__ if name in built else "no module"
                raise ValueError(
                    f"{name} is {type(module).__name__}; the config builds {wanted} there, another model; "
                    "save its state_dict() yourself"
                )
        if faults := checkpoint.misfits(twin.state_dict(), self.state_dict()):
            raise ValueError(f"the config would not load this model again: {'; '.join(faults)}")
        checkpoint.save(folder, self.config, self.state_dict())

    @classmethod
    def from_pretrained(cls, folder: str | Path, *, device: torch.device | str = "cpu") -> Seq2Seq:
        """Read what `save_pretrained` wrote; see `checkpoint.load` for what it refuses. The model is in eval mode."""
        config, weights = checkpoint.load(folder)
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
        """s_0 and h_j of a source."""
        encoder_hidden: Tensor = self.encoder(source, source_mask)
        return self.bridge(encoder_hidden, source_mask), encoder_hidden

    def _record(self) -> Recorder:
        """Run the example in training, in evaluation and greedily, compare, and keep what ran in evaluation."""
        source, mask, target, target_mask = self.example()
        modes = {module: module.training for module in self.modules()}
        runs: dict[str, Recorder] = {}
        try:
            with torch.random.fork_rng(devices=[source.device] if source.is_cuda else []):
                for name, training in (("training", True), ("evaluation", False)):
                    self.train(training)
                    with torch.set_grad_enabled(training), Recorder(self.decoder.step) as runs[name]:
                        self(source, mask, target, target_mask)
                with torch.no_grad(), Recorder(self.decoder.step) as runs["greedy decoding"]:
                    chosen = self.decoder.greedy(
                        *self._read(source, mask), mask=mask, bos=self.bos, eos=None, max_length=target.shape[1]
                    ).symbols
        finally:
            for module, training in modes.items():
                module.training = training
        graph = runs["evaluation"].graph()
        for name, recorder in runs.items():
            recorder.check_handed_on()
            if differences := recorder.graph().diff(graph, name, "evaluation"):
                raise TraceError(f"the step is not the same everywhere: {'; '.join(differences)}")
        for number, (run, following) in enumerate(pairwise(runs["greedy decoding"].runs)):
            symbol = run.returned["output"].argmax(dim=-1)
            embedded = self.decoder.embedding(symbol)
            if not (torch.equal(symbol, chosen[:, number]) and torch.equal(following.given["prev_output"], embedded)):
                raise TraceError(f"prev_output of step {number + 2} is not the symbol chosen in step {number + 1}")
        return runs["evaluation"]


def _source(node: nn.Module) -> Path | None:
    """The file of a node's class, if there is one: a class of a notebook has none."""
    try:
        return Path(inspect.getfile(type(node)))
    except (OSError, TypeError):
        return None
