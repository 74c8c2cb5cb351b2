"""The program beside this module: where it is, how it is called, what it says."""

import os
import shutil
import subprocess
import sys
import sysconfig
import warnings


class Error(Exception):
    """What the program refused or could not do. `code` is its exit code: 2 usage or bad input, 3 incomplete or undecided, 4 a
    stated limit is violated, 69 no usable GPU, 75 interrupted (the same call goes on), 1 a bug."""

    def __init__(self, message, code, command):
        super().__init__(message)
        self.message = message
        self.code = code
        self.command = command


def program():
    """Path of the program: the one that BWQ names, the one installed with this module, or the first on PATH."""
    name = "bwq.exe" if os.name == "nt" else "bwq"
    installed = [os.path.join(sysconfig.get_path("scripts", scheme), name) for scheme in (sysconfig.get_default_scheme(), _user_scheme())]
    for path in [os.environ.get("BWQ"), *installed, shutil.which(name)]:
        if path and os.path.isfile(path):
            return path
    raise Error(f"the program `bwq` is not there: looked for it at {', '.join(installed)} and on PATH", 2, [])


def _user_scheme():
    return sysconfig.get_preferred_scheme("user") if sys.version_info >= (3, 10) else f"{os.name}_user"


def _caller():
    """Frames from the function that asks to the first one that is not of this module: where a warning belongs."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "bwq":
        frame, level = frame.f_back, level + 1
    return level


def call(*args, progress=False, answers=(0,)):
    """Runs `bwq ARGS` and returns its standard output. With `progress`, what it says goes to stderr as it comes. answers: exit codes
    that are no error, as 4 of `check`, which is a verdict."""
    command = [program(), *(os.fspath(a) if isinstance(a, os.PathLike) else str(a) for a in args)]
    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace") as process:
        # Results on stdout are small tables; what is said comes on stderr, as long as the work lasts.
        for line in process.stderr:
            said.append(line.rstrip("\n"))
            if progress:
                print(said[-1], file=sys.stderr)
        output = process.stdout.read()
        code = process.wait()
    for line in said:
        if line.startswith("warning: "):
            warnings.warn(line[len("warning: "):], stacklevel=_caller())
    if code not in answers:
        starts = [i for i, line in enumerate(said) if line.startswith("error: ")]
        message = "\n".join(said[starts[-1]:])[len("error: "):] if starts else "\n".join(said[-5:]) or f"exit code {code}"
        raise Error(message, code, command)
    return output
