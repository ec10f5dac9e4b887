"""Pictures of numbers, with matplotlib (extra ``demo``): attention as heatmaps, still or as a film; training."""

from seq2seq_attn.plots.plot import animate_attention as animate_attention
from seq2seq_attn.plots.plot import learning as learning
from seq2seq_attn.plots.plot import plot_attention as plot_attention
