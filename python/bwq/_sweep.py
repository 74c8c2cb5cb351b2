"""A sweep: run or gone on with, its tables as data frames."""

import csv
import os
import tempfile

from bwq._program import call
from bwq._toml import as_file, value


class Results:
    """Tables of a results folder: `summary`, `trials`, `layers`, `differences`, read when they are asked for. They are pandas
    data frames where pandas is installed, else lists of dicts; empty fields are NaN or None."""

    def __init__(self, folder):
        self.folder = os.fspath(folder)

    def table(self, name):
        """The table NAME.csv of the folder."""
        path = os.path.join(self.folder, f"{name}.csv")
        try:
            import pandas
        except ImportError:
            with open(path, newline="", encoding="utf-8") as file:
                return [{key: _parsed(field) for key, field in row.items()} for row in csv.DictReader(file)]
        return pandas.read_csv(path, keep_default_na=False, na_values=[""])

    summary = property(lambda self: self.table("summary"), doc="A row for each point: accuracies, yield, intervals.")
    trials = property(lambda self: self.table("trials"), doc="A row for each point and chip.")
    layers = property(lambda self: self.table("layers"), doc="A row for each point and layer.")
    differences = property(lambda self: self.table("differences"), doc="A row for each pair of neighbouring points.")

    def __repr__(self):
        return f"bwq.Results({self.folder!r})"


def run(sweep, settings=None, *, out=None, engine=None, threads=None, progress=False, **overrides):
    """Runs a sweep, or goes on with it: finished blocks in `out` are kept. Returns its `Results`.

    sweep: path of a sweep file, or its contents as a dict or TOML text (then `out` must be given). settings: keys in place of the
    file's values, {"crossbar.ou_wordlines": [9, 16]}. Overrides: trials, images, seed, half_width, or a key with `__` for its
    dots, crossbar__ou_wordlines=[9, 16].
    """
    return _of("run", sweep, settings, out, progress, {"engine": engine, "threads": threads}, overrides)


def check(sweep, settings=None, *, yield_frac=None, confidence=None, max_drop=None, out=None, engine=None, threads=None, progress=False, **overrides):
    """Says whether an OU limit is safe: chips are drawn until it is certain, height by height, whether a share `yield_frac` of them
    (0.99 where it is not given) stays within `max_drop` of the quantised accuracy. Returns the table check.csv, a row for each point, with
    its `verdict` "pass", "fail", "undecided" or "not-reached" and the bounds of the yield. Everything else as in `run`; trials is the most chips of a point.
    """
    flags = {"engine": engine, "threads": threads, "yield": yield_frac, "confidence": confidence, "max-drop": max_drop}
    # 3 and 4 say that the lowest height is undecided or fails: verdicts, which stand in the table.
    return _of("check", sweep, settings, out, progress, flags, overrides, answers=(0, 3, 4)).table("check")


def _of(subcommand, sweep, settings, out, progress, flags, overrides, answers=(0,)):
    is_file = isinstance(sweep, os.PathLike) or (isinstance(sweep, str) and "\n" not in sweep and "=" not in sweep)
    if out is None and not is_file:
        raise TypeError("out: a sweep that is no file needs a results folder")
    if out is None:
        out = os.path.splitext(os.fspath(sweep))[0] + "-results"
    with tempfile.TemporaryDirectory(prefix="bwq-") as folder:
        args = [subcommand, as_file(sweep, folder), "--out", out]
        for name, given in flags.items():
            args += [] if given is None else [f"--{name}", given]
        for name, given in overrides.items():
            if name in ("trials", "images", "seed", "half_width"):
                args += [f"--{name.replace('_', '-')}", given]
            else:
                args += ["--set", f"{name.replace('__', '.')}={value(given)}"]
        for key, given in (settings or {}).items():
            args += ["--set", f"{key}={value(given)}"]
        call(*args, progress=progress, answers=answers)
    return Results(out)


def _parsed(field):
    for kind in (int, float):
        try:
            return kind(field)
        except ValueError:
            pass
    return None if field == "" else {"true": True, "false": False}.get(field, field)
