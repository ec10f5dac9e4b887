"""``seq2seq-attn train``: from files of pairs to a run that can be left alone, stopped, and gone on with."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq_attn.commands import data
from seq2seq_attn.commands.arguments import LOOP, positive
from seq2seq_attn.commands.settings import add_settings, given
from seq2seq_attn.commands.unknown import say_unknown
from seq2seq_attn.config import Config
from seq2seq_attn.data.pieces import Pieces
from seq2seq_attn.training.recipe import Recipe

if TYPE_CHECKING:
    from seq2seq_attn.data.segmentation import Segmentation
    from seq2seq_attn.data.vocabulary import Vocabulary

HELP = "train a model on pairs of texts, score it on others, and keep what is best"
MODEL = {
    "diagram": "the picture of the step, or of the whole model: a name that ships, or a .mmd file",
    "encoder": "where the diagram does not show it",
    "cell": "of the encoder, and of what the diagram calls RNN",
    "num_layers": "layers of the encoder",
    "bidirectional": "whether the encoder also reads from right to left",
    "embedding_size": "of a symbol",
    "hidden_size": "of the decoder and of each encoder direction",
    "attention_size": "hidden layer of the energy",
    "readout_size": "hidden layer of the output",
    "readout": "what is done with that layer",
    "bridge": "what s_0 reads",
    "reset_after": "where a GRU's reset gate acts; --no-reset-after is the paper",
    "dropout": "probability of zeroing an element of an embedding or a layer",
    "coverage_loss": "weight of reading again, for a diagram with coverage",
    "initial_weights": "torch's own, those of Bahdanau et al. 2015, or torch's with embeddings of length 1",
}
SIZES = {"embedding_size": 128, "hidden_size": 256, "attention_size": 256, "readout_size": 128}
TRAINING = {
    "updates": "steps of the optimiser, all in all",
    "max_tokens": "symbols of a batch on its longer side, padding included, whatever the number of processes",
    "batch_size": "pairs of a batch at most",
    "max_length": "leave out pairs that are longer on either side",
    "accumulate": "pieces that a process computes a batch in, to save memory",
    "optimizer": "Adam, or AdamW with its own weight decay",
    "learning_rate": "the highest",
    "weight_decay": "as torch's optimisers have it",
    "schedule": "how the learning rate falls",
    "warmup": "updates in which it rises to its highest",
    "label_smoothing": "share of the probability that goes to all symbols alike",
    "clip": "greatest norm of the gradient, or none",
    "scheduled_sampling": "probability of the model's own symbol, growing from 0",
    "precision": "of matrix products",
    "loop": LOOP,
    "compile": "make one program of model and loss by torch.compile",
    "evaluate_every": "updates between evaluations; each writes a checkpoint",
    "patience": "end after so many evaluations without a better one",
    "metric": "what is better on the dev data",
    "average": "average so many of the last checkpoints into each one's model",
    "keep": "checkpoints to keep beside the best",
    "skip_limit": "end after so many updates in a row that are not finite",
    "seed": "of first weights, order and noise",
}
UPDATES = 10_000


def arguments(command: argparse.ArgumentParser) -> None:
    """Add what it takes."""
    command.add_argument("train", metavar="TRAIN", nargs="*", type=Path, help=data.FILES)
    command.add_argument("--dev", metavar="DEV", nargs="+", default=[], type=Path, help="to choose by; as TRAIN")
    command.add_argument("-o", "--out", metavar="RUN", type=Path, required=True, help="folder to write into")
    command.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint, if it has one")
    command.add_argument("--tensorboard", action="store_true", help="also write RUN/tensorboard (extra tensorboard)")
    command.add_argument("--device", default="cpu", help="where to compute: cpu, cuda, cuda:1, …; see also torchrun")
    command.add_argument("--timeout", type=positive, default=600, help="seconds to wait for other processes")
    texts = command.add_argument_group("texts")
    data.add_preset(texts)
    what = "how a text becomes symbols: character, space, or sentencepiece:8000 for that many pieces"
    texts.add_argument("--source-symbols", metavar="HOW", help=f"{what} (default: character)")
    texts.add_argument("--target-symbols", metavar="HOW", help="the same of targets (default: space)")
    texts.add_argument("--min-count", type=positive, default=1, help="how often a symbol has to be in TRAIN")
    texts.add_argument("--shared", action="store_true", help="one vocabulary for both sides, for a model that copies")
    add_settings(command.add_argument_group("the model"), Config, MODEL, SIZES)
    add_settings(command.add_argument_group("training"), Recipe, TRAINING, {"updates": UPDATES})


def run(options: argparse.Namespace) -> int:
    """Do it."""
    import torch

    from seq2seq_attn import runs
    from seq2seq_attn.data.vocabularies import Vocabularies
    from seq2seq_attn.seq2seq import Seq2Seq
    from seq2seq_attn.training.ranks import joined

    try:  # before hours of training, not after them
        from seq2seq_attn.report import report
        from seq2seq_attn.training.trainer import Trainer
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is missing, of the extra 'train': pip install {error.name}") from None

    preset = data.preset_of(options)
    recipe = Recipe(**({"updates": UPDATES} | given(options, TRAINING)))
    model_options: dict[str, Any] = SIZES | given(options, MODEL)
    diagram = model_options.pop("diagram", "bahdanau")
    with joined(options.device, timeout=options.timeout) as ranks:
        train, dev = data.corpus(options.train, preset, "train"), data.corpus(options.dev, preset, "dev")
        last = runs.last(options.out)[0] if options.resume else None
        kept = Vocabularies.load(last) if last else None
        vocabularies = Vocabularies.of(
            train,
            source=_symbols(
                options.source_symbols or (preset.source if preset else "character"), kept.source if kept else None
            ),
            target=_symbols(
                options.target_symbols or (preset.target if preset else "space"), kept.target if kept else None
            ),
            min_count=options.min_count,
            shared=options.shared,
        )
        torch.manual_seed(recipe.seed)
        config = Config(**vocabularies.sizes(), **model_options)
        model = Seq2Seq.from_diagram(diagram, config).to(ranks.device)
        if ranks.is_first and not last:
            for corpus in [train, dev][options.min_count == 1 :]:  # TRAIN has what is rare there
                for side, own in (("source", vocabularies.source), ("target", vocabularies.target)):
                    unknown = own.unknown_in(getattr(pair, side) for pair in corpus)
                    say_unknown(unknown, f"in the {side}s of {corpus.name}")
        trainer = Trainer(model, vocabularies, recipe, options.out, ranks=ranks)
        status = trainer.fit(train, dev, resume=options.resume, tensorboard=options.tensorboard)
    if status == 0 and ranks.is_first:
        print(report(options.out, dev, device=ranks.device))
    return status


def _symbols(name: str, kept: Vocabulary | None) -> str | Segmentation:
    """How texts are split, by name; pieces that a run has learnt are not learnt again."""
    if kept and isinstance(kept.segmentation, Pieces) and name.startswith(Pieces.name):
        return kept.segmentation
    return name
