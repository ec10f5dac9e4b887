"""What came of a training, in a folder to look at (extra ``train``): scores, the learning curve, where it looked."""

from seq2seq_attn.report.report import report as report
