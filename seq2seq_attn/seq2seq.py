"""The whole model: encoder, bridge, decoder. It trains, decodes, saves, and draws itself."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from seq2seq_attn import build, checkpoint, examine, explorer, hub, mermaid, runs, view
from seq2seq_attn.bridge import Bridge
from seq2seq_attn.config import Config, LoopKind
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.decoder import Decoded, Decoder
from seq2seq_attn.drawing.drawing import Drawing
from seq2seq_attn.drawing.style import Style
from seq2seq_attn.encoders import Encoder
from seq2seq_attn.explorer import Example
from seq2seq_attn.fused import Refused, Scores, encode, load, lookup, suits
from seq2seq_attn.graph import Graph, GraphError
from seq2seq_attn.initial import paper_weights, unit_embeddings
from seq2seq_attn.kinds import CELLS
from seq2seq_attn.loop import Sentence
from seq2seq_attn.mask import check_symbols
from seq2seq_attn.nodes.embedding import Embedding
from seq2seq_attn.picture import check_picture
from seq2seq_attn.search import Hypothesis, beam_search
from seq2seq_attn.whole import around, split
from seq2seq_attn.wired import Wired
from seq2seq_attn.wiring import Wiring, shipped_graph
from seq2seq_attn.wirings import WIRINGS


def cross_entropy(
    output: Tensor | Scores,
    target: Tensor,
    target_mask: Tensor,
    *,
    label_smoothing: float = 0.0,
    reduction: Literal["mean", "sum"] = "mean",
) -> Tensor:
    """The mean over all real target symbols of a batch, ``eos`` included, in nats a symbol; in float32 at least.

    Args:
        output: y_i of all steps, logits (B, T, V), or what they are made of.
        target: (B, T) int64.
        target_mask: (B, T) bool, True = real.
        label_smoothing: share of the true symbol's probability that goes to all V alike, as torch has it.
        reduction: "sum" for the sum over these symbols.
    """
    if isinstance(output, Scores):
        total = output.likelihood(target, target_mask, label_smoothing=label_smoothing).loss
        return total if reduction == "sum" else total / target_mask.sum()
    wide = output.to(torch.promote_types(output.dtype, torch.float32)).flatten(0, 1)
    real = target.masked_fill(~target_mask, -100).flatten()  # torch leaves out -100; to select has no fixed shape
    return F.cross_entropy(wide, real, reduction=reduction, label_smoothing=label_smoothing)


def coverage_loss(
    coverage: Tensor, attn_weights: Tensor, target_mask: Tensor, *, reduction: Literal["mean", "sum"] = "mean"
) -> Tensor:
    """sum_j min(alpha_ij, k_{i-1,j}), the mean over all real target symbols: See et al. 2017, equation 12.

    Args:
        coverage: k_ij of all steps, what was read up to i, (B, T, S); before the first step nothing was.
        attn_weights: alpha_ij, (B, T, S).
        target_mask: (B, T) bool, True = real.
        reduction: "sum" for the sum over these symbols.
    """
    before = torch.cat([torch.zeros_like(coverage[:, :1]), coverage[:, :-1]], dim=1)
    again = torch.minimum(attn_weights, before)
    total = again.sum(dim=-1, dtype=torch.promote_types(again.dtype, torch.float32)).masked_fill(~target_mask, 0).sum()
    return total if reduction == "sum" else total / target_mask.sum()


class Seq2Seq(nn.Module):
    """An attention encoder-decoder: the encoder reads, the bridge begins, the decoder writes.

    Source and target are (B, S) and (B, T) int64 with a mask of the same shape: bool, True = real, padding on the
    right; what stands on padding is any symbol. A target ends with ``eos``; the model itself puts ``bos`` before it.

    Args:
        embed_source: source symbols → u_j; a `nodes.Embedding`, if pictures of the whole are to call it ``embedding``.
        encoder: u_j → h_j.
        bridge: h_j → s_0; None for a step that carries no s.
        decoder: the loop over its step.
        bos: the target symbol that begins a sentence.
        eos: the target symbol that ends one.
        config: what the parts were built from, if from one; needed to save.
        loop: how encoder and decoder run: "plain", "scheduled", "fused" and "compiled" give the same values and
            gradients, each in less time than the one before; "fastest" is the last that needs no compiler. Under
            autocast "fused" and "compiled" round at fewer places than the others. See `Decoder.forward`.

    Example:
        >>> config = Config(
        ...     source_vocabulary=11, target_vocabulary=13, bos=0, eos=1,
        ...     embedding_size=3, hidden_size=5, attention_size=7, readout_size=2,
        ... )
        >>> model = Seq2Seq.from_diagram("luong", config)
        >>> source, real = torch.tensor([[4, 8, 2]]), torch.tensor([[True, True, True]])
        >>> model.greedy(source, real, max_length=6).attn_weights.shape[-1]
        3
        >>> model.trace() == model.decoder.step.specification()
        True
    """

    def __init__(
        self,
        embed_source: nn.Embedding,
        encoder: Encoder,
        bridge: Bridge | None,
        decoder: Decoder,
        *,
        bos: int,
        eos: int,
        config: Config | None = None,
        loop: LoopKind = "fastest",
    ) -> None:
        super().__init__()
        symbols = decoder.embed_target.num_embeddings
        for name, symbol in (("bos", bos), ("eos", eos)):
            if not 0 <= symbol < symbols:
                raise ValueError(f"{name} is {symbol}; the target has the symbols 0 to {symbols - 1}")
        self.embed_source, self.encoder, self.bridge, self.decoder = embed_source, encoder, bridge, decoder
        self.bos, self.eos, self.config, self.loop = bos, eos, config, loop

    @classmethod
    def from_config(cls, config: Config) -> Seq2Seq:
        """Build the model that a config describes, with first weights from torch's global generator.

        Raises:
            ValueError: a picture that cannot run: ``name:line: why``, with the id and a proposal.
        """
        return cls._build(mermaid.load(config.diagram, files=False), config)

    @classmethod
    def from_diagram(cls, diagram: str | Path | Graph, config: Config) -> Seq2Seq:
        """Build the model of a picture: its text picks the nodes, its subscripts the shapes, the config the sizes.

        Args:
            diagram: a ``.mmd`` file, the text itself, the name of a picture that ships, or the graph of one.
            config: everything else; its own ``diagram`` is not looked at.

        Raises:
            ValueError: a text that is no picture, or a picture that cannot run: ``file:line: why``.
            OSError: a file that cannot be read.
        """
        graph = diagram if isinstance(diagram, Graph) else mermaid.load(diagram)
        name = str(diagram) if str(diagram) in mermaid.shipped() else mermaid.emit(graph)
        return cls._build(graph, dataclasses.replace(config, diagram=name))

    @classmethod
    def _build(cls, graph: Graph, config: Config) -> Seq2Seq:
        try:
            picture, text = split(graph)
            check_picture(picture, config)
            encoder = build.encoder(text or config.encoder, config)
            _check_encoder(picture, text, encoder, config)
            embed_source = Embedding(config.source_vocabulary + config.unknown_size, config.embedding_size)
            embed_target = Embedding(config.target_vocabulary + config.unknown_size, config.embedding_size)
            nodes = build.nodes(picture, config, memory_size=encoder.memory_size, embed_target=embed_target)
        except GraphError as error:
            name = next(iter(graph.places.values()), "diagram:").rsplit(":", 1)[0]
            raise ValueError(f"{graph.places.get(error.subject, name)}: {error}") from None
        written = [wiring for name, wiring in WIRINGS.items() if shipped_graph(name) == picture]
        step: Wiring = written[0](**nodes) if written else Wired(picture, nodes)
        bridge = build.bridge(picture, nodes, encoder, config)
        model = cls(
            embed_source, encoder, bridge, Decoder(step, embed_target), bos=config.bos, eos=config.eos, config=config
        )
        if config.initial_weights == "paper":
            if encoder.label.split(",")[0] not in ("RNN", "pyramid", *CELLS):
                raise ValueError(f"initial_weights='paper' is for recurrent encoders; this one is {encoder.label!r}")
            paper_weights(model)
        elif config.initial_weights == "unit":
            unit_embeddings(model)
        return model

    def forward(
        self, source: Tensor, source_mask: Tensor, target: Tensor, target_mask: Tensor, *, scored: bool = True
    ) -> Any:
        """Teacher forcing: every step sees the true symbols before it.

        Args:
            source: (B, S) int64.
            source_mask: (B, S) bool.
            target: (B, T) int64, ``eos`` included.
            target_mask: (B, T) bool.
            scored: see `Decoder.forward`.

        Returns:
            The values of all steps: output (B, T, V), attn_weights (B, T, S), … What stands on padding means nothing.

        Raises:
            TypeError, ValueError: see `check_symbols`; source and target of different batch sizes.
        """
        sentence = self.read(source, source_mask)
        check_symbols("target", target, target_mask, self.decoder.embed_target.num_embeddings, source.device)
        if len(target) != len(source):
            raise ValueError(f"target has {len(target)} rows and source {len(source)}; give one target a source")
        return self.decoder(sentence, self.before(target), self.loop, mask=target_mask, scored=scored)

    def loss(self, source: Tensor, source_mask: Tensor, target: Tensor, target_mask: Tensor) -> Tensor:
        """Cross-entropy of the targets in nats a symbol, and what the config weighs beside it; see `total_loss`."""
        return self.total_loss(self(source, source_mask, target, target_mask, scored=False), target, target_mask)

    def total_loss(
        self,
        values: Any,
        target: Tensor,
        target_mask: Tensor,
        *,
        label_smoothing: float = 0.0,
        reduction: Literal["mean", "sum"] = "mean",
    ) -> Tensor:
        """`cross_entropy`, plus ``coverage_loss`` times `coverage_loss` where the config has one.

        Args:
            values: what ``forward`` gave.
            target: (B, T) int64.
            target_mask: (B, T) bool.
            label_smoothing: see `cross_entropy`.
            reduction: "mean" or "sum" over the real target symbols.
        """
        loss = cross_entropy(values.output, target, target_mask, label_smoothing=label_smoothing, reduction=reduction)
        return loss + self.loss_beside(values, target_mask, reduction=reduction)

    def loss_beside(
        self, values: Any, target_mask: Tensor, *, reduction: Literal["mean", "sum"] = "mean"
    ) -> Tensor | float:
        """What the config weighs beside the cross-entropy; see `total_loss`."""
        if self.config is None or not self.config.coverage_loss:
            return 0.0
        again = coverage_loss(values.coverage, values.attn_weights, target_mask, reduction=reduction)
        return self.config.coverage_loss * again

    def greedy(self, source: Tensor, source_mask: Tensor, *, max_length: int | Sequence[int]) -> Decoded:
        """Decode with the best symbol at every step; call ``model.eval()`` first if it has dropout.

        Args:
            source: (B, S) int64.
            source_mask: (B, S) bool.
            max_length: number of target symbols at most, ``eos`` included; of all rows, or of each its own. One that
                reaches it has no ``eos``.

        Returns:
            Symbols, their mask, scores and attention weights; see `Decoded`.

        Raises:
            TypeError, ValueError: see `check_symbols` and `Decoder.greedy`.
        """
        with torch.no_grad():
            sentence = self.read(source, source_mask)
        return self.decoder.greedy(sentence, bos=self.bos, eos=self.eos, max_length=max_length, loop=self.loop)

    def beam(
        self,
        source: Tensor,
        source_mask: Tensor,
        *,
        size: int,
        max_length: int | Sequence[int],
        length_penalty: float = 0.0,
        n_best: int = 1,
        others: Sequence[Seq2Seq] = (),
    ) -> list[list[Hypothesis]]:
        """Decode with ``size`` hypotheses of each sentence at once; call ``model.eval()`` first if it has dropout.

        Args:
            source: (B, S) int64.
            source_mask: (B, S) bool.
            size: number of hypotheses; 1 is greedy decoding.
            max_length: number of target symbols at most, ``eos`` included; of all sentences, or of each its own.
            length_penalty: 0 ranks by probability, higher prefers longer targets; see `beam_search`.
            n_best: number of hypotheses to return of each sentence.
            others: models that search together with this one, by the mean of their log-probabilities: an ensemble, of
                one target vocabulary and one numbering of the source; see `beam_search`.

        Returns:
            Of each sentence its hypotheses, best first; see `Hypothesis`.

        Raises:
            TypeError, ValueError: see `check_symbols` and `beam_search`; ``others`` that begin or end with another
                symbol.
        """
        for other in others:
            if (other.bos, other.eos) != (self.bos, self.eos):
                raise ValueError(
                    f"a model of the ensemble has bos {other.bos} and eos {other.eos}, the first {self.bos} and "
                    f"{self.eos}; they need one target vocabulary"
                )
        with torch.no_grad():
            first, *more = [(model.decoder, model.read(source, source_mask)) for model in (self, *others)]
        return beam_search(
            *first,
            *more,
            bos=self.bos,
            eos=self.eos,
            size=size,
            max_length=max_length,
            length_penalty=length_penalty,
            n_best=n_best,
            loop=self.loop,
        ).hypotheses

    def read(self, source: Tensor, source_mask: Tensor) -> Sentence:
        """What the decoder is given of a source: h_j with its mask, and s_0.

        Raises:
            TypeError, ValueError: see `check_symbols`.
        """
        weight = self.embed_source.weight
        check_symbols("source", source, source_mask, self.embed_source.num_embeddings, weight.device)
        encoder_hidden = self._encoded(source, source_mask)
        mask = self.encoder.hidden_mask(source_mask)
        first_decoder = None if self.bridge is None else self.bridge(encoder_hidden, mask)
        return Sentence(encoder_hidden, mask, source, first_decoder)

    def _encoded(self, source: Tensor, source_mask: Tensor) -> Tensor:
        if self.loop == "compiled":
            load()
        fused = self.loop in ("fused", "compiled") or (self.loop == "fastest" and suits(self.embed_source.weight))
        looked_up = lookup(source, self.embed_source) if fused else None
        embedded = looked_up or self.embed_source(source)
        if fused:
            with contextlib.suppress(Refused):  # one that is no RNN has no loop to fuse
                return encode(self.encoder, embedded, source_mask, compiled=self.loop == "compiled")
        hidden: Tensor = self.encoder(self.embed_source(source) if looked_up else embedded, source_mask)
        return hidden

    def before(self, target: Tensor) -> Tensor:
        """The symbol before each of a target's: ``bos``, then all but the last, (B, T)."""
        return torch.cat([target.new_full((len(target), 1), self.bos), target[:, :-1]], dim=1)

    def specification(self, *, whole: bool = False) -> Graph:
        """The picture that the model was built from: of its step, or the whole one around it."""
        step = self.decoder.step.specification()
        if not whole:
            return step
        if self.config is None:
            return around(step, self.encoder.label)
        _, encoder = split(mermaid.load(self.config.diagram, files=False))
        return around(step, encoder or self.config.encoder)

    def trace(self, *, whole: bool = False) -> Graph:
        """The graph of the decoder's step as it runs: the same in training, in evaluation and in greedy decoding.

        Args:
            whole: with embeddings, encoder and bridge around the step.

        Raises:
            TraceError: see `Recorder.graph`; a state or a symbol that is not handed on to the next step.
        """
        return examine.whole(self) if whole else examine.record(self)["evaluation"].graph()

    def draw(
        self,
        path: str | Path | None = None,
        *,
        whole: bool = False,
        schedule: bool = False,
        expand: str | None = None,
        unroll: int | None = None,
        example: str | Sequence[int] | Tensor | None = None,
        at: int = 1,
        vocabularies: Vocabularies | None = None,
        hidden: bool = False,
        style: Style | None = None,
    ) -> Drawing:
        """The picture of the step, from a real run; saved if ``path`` says where. See `Drawing.save`.

        Args:
            path: the ending says how: .mmd, .dot, .svg, .png, .pdf, .tex or .txt.
            whole: with embeddings, encoder and bridge around the step.
            schedule: in three bands: what runs before, inside and after the loop when the symbols are given, and no one
                listens to the step with hooks.
            expand: the id of an operation to open: the tensor operations that run in it, with shapes and parameters.
            unroll: the number of first target steps to show one by one.
            example: a source, decoded greedily, of which one target step is shown with its shapes, numbers and
                attention: a text, which ``vocabularies`` split into symbols, or symbols, (S,) int64.
            at: the number of that target step, from 1.
            vocabularies: what the symbols are called; without any they are numbers.
            hidden: with what is folded away as a rule: the mask and the keys; in an opened operation, also dropout,
                packing, and operations that only change a shape.
            style: what it looks like.

        Raises:
            TypeError, ValueError: see `Example.of`; levels that exclude each other; an operation or a target step that
                is not there.
            TraceError: a step that no picture is true of.
            RenderError: see `Drawing.save`.
        """
        drawing = view.view(
            self,
            whole=whole,
            schedule=schedule,
            expand=expand,
            unroll=unroll,
            example=None if example is None else Example.of(self, example, vocabularies),
            at=at,
            hidden=hidden,
            style=style,
        )
        if path is not None:
            drawing.save(path)
        return drawing

    def explore(
        self,
        source: str | Sequence[int] | Tensor,
        path: str | Path,
        *,
        vocabularies: Vocabularies | None = None,
        beam: int = 5,
        max_length: int | None = None,
        repository: str | None = None,
    ) -> Path:
        """Write one greedy decode as a page to explore: one HTML file that works from the disk, without a network.

        It shows the step's diagram with the numbers of each target step, what is behind each value and operation, where
        the decoder looks, what it would write if it could not look at some position, and what else was likely.

        Args:
            source: one sentence: a text, which ``vocabularies`` split into symbols, or symbols, (S,) int64.
            path: of the page, .html.
            vocabularies: what the symbols are called; without any they are numbers.
            beam: number of hypotheses of the beam search that is shown beside it.
            max_length: number of target symbols at most, ``eos`` included; by default 10 more than twice the source.
            repository: an address that the operations link to, as for `Style`; without one they name file and line.

        Returns:
            The path.

        Raises:
            TypeError, ValueError: see `Example.of` and `check_symbols`; a ``beam`` or ``max_length`` below 1; an
                address that does not begin with https:// or http://; a path with another ending.
            TraceError: a step that no picture is true of.
            RenderError: nothing here draws SVG.
            OSError: a page that cannot be written.
        """
        return explorer.explore(
            self, source, path, vocabularies=vocabularies, beam=beam, max_length=max_length, repository=repository
        )

    def check(self, specification: Graph | None = None) -> list[str]:
        """Whether the model is its diagram: what differs, in words, and what is drawn but dead; [] if nothing.

        Args:
            specification: the diagram, of the step or whole; by default the one that the model was built from.
        """
        return examine.check(self, specification)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors into a folder; see `checkpoint.save`.

        Raises:
            ValueError: a model that its config does not build again: made from parts, edited, or of another dtype; one
                with numbers that are not finite.
            OSError: a folder that cannot be written, or that is a checkpoint of a run.
        """
        if self.config is None:
            raise ValueError("this model was built from parts, not from a config; save its state_dict() yourself")
        twin = Seq2Seq._without_numbers(self.config)
        built = {name: type(module) for name, module in twin.named_modules()}
        for name, module in self.named_modules():
            if built.get(name) is not type(module):
                wanted = built[name].__name__ if name in built else "no module"
                raise ValueError(
                    f"{name} is {type(module).__name__}; the config builds {wanted} there, another model; "
                    "save its state_dict() yourself"
                )
        for name, first in checkpoint.ties(self).items() - checkpoint.ties(twin).items():
            raise ValueError(f"{first} and {name} are one tensor, and would be two when they are loaded; untie them")
        if faults := checkpoint.misfits(checkpoint.own_weights(twin), checkpoint.own_weights(self)):
            raise ValueError(f"the config would not load this model again: {'; '.join(faults)}")
        checkpoint.save(folder, self.config, checkpoint.own_weights(self))

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, *, revision: str | None = None, device: torch.device | str = "cpu"
    ) -> Seq2Seq:
        """Read what `save_pretrained` wrote. The model is in eval mode.

        Args:
            folder: of a model, which is compared with its manifest if it has one; a run, of which the best checkpoint
                is read; or, where there is no such folder, ``owner/name``, a model of the Hugging Face Hub (extra
                ``hub``).
            revision: of a model of the Hub, the full hash of a commit.
            device: where the model is put.

        Raises:
            FileNotFoundError: a folder that holds no model.
            ValueError: files that are damaged, or that do not fit each other; see `hub.find`, `runs.model_of`,
                `checkpoint.load` and `checkpoint.check`.
            OSError: a model of the Hub that cannot be fetched.
        """
        found = hub.find(folder, revision)
        if revision is None:
            found = runs.model_of(found)
        config, weights = checkpoint.load(found)
        with torch.random.fork_rng(devices=[]):
            try:
                twin = cls._without_numbers(config)
            except (ValueError, TypeError, RuntimeError) as error:
                # a picture that does not run, a kind that was registered when it was saved, a size beyond all memory
                raise ValueError(f"{found / checkpoint.CONFIG}: {error}") from None
            checkpoint.check(twin, weights, found)  # before there is memory for sizes that nobody has
            model = cls.from_config(config)
        checkpoint.fill(model, weights, found)
        return model.to(device).eval()

    @classmethod
    def _without_numbers(cls, config: Config) -> Seq2Seq:
        """The model of a config, of shapes alone: its sizes take no memory."""
        with torch.device("meta"), _Unfilled():
            return cls.from_config(dataclasses.replace(config, initial_weights="default"))

    def example(self, steps: int = 3) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Two made-up sentences, one of them padded, and targets of ``steps`` symbols: arguments for ``forward``."""
        device = self.embed_source.weight.device
        source = torch.arange(10, device=device).reshape(2, 5) % self.embed_source.num_embeddings
        source_mask = torch.arange(5, device=device) < torch.tensor([[5], [4]], device=device)
        target = torch.arange(2 * steps, device=device).reshape(2, steps) % self.decoder.embed_target.num_embeddings
        return source, source_mask, target, torch.ones_like(target, dtype=torch.bool)


class _Unfilled(TorchFunctionMode):
    """Draws no normal numbers, which a tensor without memory cannot hold, and for which torch loads its compiler."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in (nn.init.normal_, Tensor.normal_):
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def _check_encoder(picture: Graph, text: str | None, encoder: Encoder, config: Config) -> None:
    """Refuse a config that asks for another encoder than the picture, and a copy of what an encoder shortens."""
    if text is not None and config.encoder not in ("RNN", text.split(",")[0]):
        raise GraphError(f"the picture shows encoder[{text}], the config says encoder={config.encoder!r}", "encoder")
    copied = next((value for value in picture.inputs if value.word == "source"), None)
    if copied is not None and encoder.hidden_mask(torch.ones(1, 4, dtype=torch.bool)).shape[1] != 4:
        raise GraphError(
            f"{copied.id} '{copied}' is read beside h_j, but encoder[{encoder.label}] makes fewer h_j than there are "
            f"source symbols; use another encoder",
            copied.id,
        )
