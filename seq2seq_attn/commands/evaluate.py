"""``seq2seq-attn evaluate``: what a model, an ensemble or a file of predictions is worth on a test set."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq_attn.commands import data
from seq2seq_attn.commands.arguments import positive
from seq2seq_attn.commands.search import MODEL, add_search, say_cut, translator
from seq2seq_attn.commands.unknown import say_unknown
from seq2seq_attn.data.segmentation import PLAIN, Segmentation

if TYPE_CHECKING:
    from seq2seq_attn.data.corpus import Corpus
    from seq2seq_attn.presets import Preset
    from seq2seq_attn.scores import Prediction
    from seq2seq_attn.translate import Translator

HELP = "score models, or predictions, on pairs of texts, and compare two of them"
_SYSTEM = f"{MODEL}; or instead a file of predictions, a line for each source"


def arguments(command: argparse.ArgumentParser) -> None:
    """Add what it takes."""
    from seq2seq_attn.scores import METRICS

    what = "a file of source TAB target, a pair a line; of a --preset that brings data the name of a part, dev or test"
    command.add_argument("test", metavar="TEST", help=f"{what}. Pairs with the same source are references of one")
    command.add_argument("models", metavar="MODEL", nargs="+", help=_SYSTEM)
    command.add_argument("--against", metavar="MODEL", nargs="+", help="a second system, to compare with the first")
    command.add_argument("--targets", metavar="FILE", type=Path, help="targets of the sources that TEST then has alone")
    data.add_preset(command)
    command.add_argument("-o", "--out", metavar="FILE", type=Path, help="write the predictions of the first system")
    command.add_argument("--worst", metavar="N", type=positive, help="show the N worst errors of the first system")
    scores = command.add_argument_group("scores")
    what = f"{', '.join(METRICS)} (default: exact_match, symbol_error_rate; of targets in pieces also bleu, chrf)"
    scores.add_argument("--metrics", metavar="METRIC", nargs="+", choices=METRICS, default=argparse.SUPPRESS, help=what)
    what = "what symbol errors are counted in (default: the first model's symbols, else the preset's, else space)"
    scores.add_argument("--target-symbols", choices=PLAIN, default=argparse.SUPPRESS, help=what)
    add_search(command.add_argument_group("how to search"))


def run(options: argparse.Namespace) -> int:
    """Do it."""
    from seq2seq_attn.scores import compare, difference_table, score, table
    from seq2seq_attn.scores.gold import Gold

    preset = data.preset_of(options)
    _check_out(options)
    systems = _systems(options)
    with _corpus(options, preset) as corpus:
        gold = Gold.of(corpus, _segmentation(options, preset, systems))
    first, *others = systems
    written = {}
    for name in sorted(systems, key=lambda name: not isinstance(systems[name], Path)):  # a fault in a file is soon told
        predictions = _predictions(name, systems[name], gold.sources, corpus.name)
        if options.out and name == first:
            predictions = _kept(predictions, options.out)
        written[name] = gold.sentences(prediction.hypotheses[0] for prediction in predictions)

    metrics = options.metrics if "metrics" in options else gold.metrics
    print(table({name: score(written[name], gold.wanted, metrics=metrics) for name in systems}))
    for other in others:
        differences = compare(written[first], written[other], gold.wanted, metrics=metrics)
        print(f"\n{difference_table(differences, first, other)}")
    if options.worst and (errors := gold.worst(written[first], options.worst)):
        print(f"\n{errors}")
    return 0


def _check_out(options: argparse.Namespace) -> None:
    """Refuse to write over what is read."""
    read = [Path(name) for name in (options.test, options.targets, *options.models, *(options.against or ())) if name]
    if options.out and options.out.resolve() in [path.resolve() for path in read]:
        raise ValueError(f"{options.out} is read; give -o another name")


def _corpus(options: argparse.Namespace, preset: Preset | None) -> Corpus:
    """The pairs of TEST."""
    from seq2seq_attn.presets import Corpora

    if preset and preset.corpora and options.test in Corpora._fields and not options.targets:
        return data.corpus([], preset, options.test)
    return data.corpus([Path(options.test), *([options.targets] if options.targets else [])], preset, "test")


def _segmentation(
    options: argparse.Namespace, preset: Preset | None, systems: Mapping[str, Translator | Path]
) -> Segmentation:
    """What symbol errors are counted in, the same for all systems."""
    if "target_symbols" in options:
        return PLAIN[options.target_symbols]
    for system in systems.values():
        if not isinstance(system, Path):
            return system.vocabularies.target.segmentation
    return PLAIN[preset.target if preset else "space"]


def _systems(options: argparse.Namespace) -> dict[str, Translator | Path]:
    """The system, and what it is compared with, by the names of their models: what translates, or a file."""
    found: dict[str, Translator | Path] = {}
    for names in (options.models, options.against or []):
        if not names:
            continue
        if (name := " + ".join(names)) in found:
            raise ValueError(f"{name} would be compared with itself; give --against another system")
        found[name] = _system(names, options)
    return found


def _system(names: Sequence[str], options: argparse.Namespace) -> Translator | Path:
    """What translates with the models of some folders, or the one file that is named."""
    files = [name for name in names if Path(name).is_file()]
    if files and len(names) > 1:
        raise ValueError(f"{files[0]} is a file of predictions, which stands alone; an ensemble is of models' folders")
    return Path(files[0]) if files else translator(names, options)


def _predictions(name: str, system: Translator | Path, sources: Sequence[str], where: str) -> Iterable[Prediction]:
    """What a system makes of each source; says which of their symbols it has never seen."""
    from seq2seq_attn.scores import predictions

    if isinstance(system, Path):
        return predictions.read(system, sources)
    say_unknown(system.vocabularies.source.unknown_in(sources), f"to {name} in the sources of {where}")
    return _made(name, system, sources, where)


def _made(name: str, system: Translator, sources: Sequence[str], where: str) -> Iterator[Prediction]:
    """What a model makes of each source; says how often it came to no end."""
    from seq2seq_attn.scores import Prediction

    cut = 0
    for one in system.translate(sources):
        cut += not one.hypotheses[0].ended
        yield Prediction(one.source, (one.text,))
    say_cut(cut, len(sources), f"by {name} of {where}")


def _kept(stream: Iterable[Prediction], out: Path) -> list[Prediction]:
    """Predictions, written to a file as they come."""
    from seq2seq_attn.scores import predictions

    found = []

    def noted() -> Iterator[Prediction]:
        for prediction in stream:
            found.append(prediction)
            yield prediction

    predictions.write(out, noted())
    return found
