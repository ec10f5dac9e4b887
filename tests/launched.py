"""torchrun, with processes that are forked from one that has loaded what they need: launched.py MODULE ARGUMENTS.

The agent is torchrun's own. That each process loads torch anew would take ten times as long as what is tested.
"""

from __future__ import annotations

import runpy
import sys
from importlib import import_module

NEEDED = {
    "ranks_run": ["seq2seq_attn.training.ranks"],
    "seq2seq_attn.cli": ["seq2seq_attn.report", "seq2seq_attn.training.trainer", "torch._dynamo"],  # of the optimiser
}


def work(module: str, *arguments: str) -> None:
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":  # pytest imports it too, for its doctests
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    for name in NEEDED[sys.argv[1]]:
        import_module(name)
    # As of torchrun --standalone --nproc-per-node=2, but that a process has a second to say why it ends.
    options = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "max_restarts": 0, "monitor_interval": 1}
    two = LaunchConfig(1, 1, 2, start_method="fork", **options)
    elastic_launch(two, work)(*sys.argv[1:])
