"""bwq from Python: one crossbar product of NumPy arrays, and whole sweeps as tables.

The program `bwq`, which is installed with this module, does the work; arrays and tables go through files. What it refuses is
raised as `bwq.Error` with its message and exit code, what it warns of is a Python warning.
"""

from importlib.metadata import PackageNotFoundError, version

from bwq._program import Error, call
from bwq._product import mvm
from bwq._sweep import Results, check, run

try:
    __version__ = version("bwq")
except PackageNotFoundError:
    __version__ = "not installed"

__all__ = ["Error", "Results", "call", "check", "mvm", "run"]
