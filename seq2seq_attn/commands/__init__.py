"""The commands of the command line, a file each: what it is called, what it takes (`arguments`) and does (`run`).

To say what they take loads no torch; `run` imports what it needs.
"""
