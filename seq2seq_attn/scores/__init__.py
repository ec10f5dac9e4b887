"""Scores of what a model wrote, with what they may be worth, and where it went wrong. They load no torch."""

from seq2seq_attn.scores.bootstrap import Difference, Interval, compare, interval
from seq2seq_attn.scores.metrics import METRICS
from seq2seq_attn.scores.scoring import Score, Scores, score
from seq2seq_attn.scores.sentence import Sentence

__all__ = ["METRICS", "Difference", "Interval", "Score", "Scores", "Sentence", "compare", "interval", "score"]
