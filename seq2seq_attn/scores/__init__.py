"""Scores of what a model wrote, with what they may be worth, and where it went wrong. They load no torch."""

from seq2seq_attn.scores.alignment import align, confusion_table, confusions, worst
from seq2seq_attn.scores.bootstrap import Difference, Interval, compare, interval
from seq2seq_attn.scores.metrics import METRICS
from seq2seq_attn.scores.predictions import Prediction
from seq2seq_attn.scores.scoring import Score, Scores, score
from seq2seq_attn.scores.sentence import Sentence
from seq2seq_attn.scores.tables import difference_table, table

__all__ = [
    "METRICS",
    "Difference",
    "Interval",
    "Prediction",
    "Score",
    "Scores",
    "Sentence",
    "align",
    "compare",
    "confusion_table",
    "confusions",
    "difference_table",
    "interval",
    "score",
    "table",
    "worst",
]
