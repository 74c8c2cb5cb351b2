"""Configurations as TOML files: from a dict, from text, or a file that is there."""

import json
import os


def value(of):
    """A value as TOML: numbers, words, lists, inline tables."""
    if isinstance(of, bool):
        return "true" if of else "false"
    if isinstance(of, dict):
        return "{ " + ", ".join(f"{key} = {value(v)}" for key, v in of.items()) + " }"
    if isinstance(of, str):
        return json.dumps(of, ensure_ascii=False)
    if hasattr(of, "tolist"):  # of NumPy
        return value(of.tolist())
    if isinstance(of, (list, tuple)):
        return "[" + ", ".join(value(v) for v in of) + "]"
    if isinstance(of, (int, float)):
        return repr(of)
    raise TypeError(f"{of!r}: TOML has no such value")


def as_file(config, folder):
    """The path of a configuration: its own, or that of a file written into `folder`."""
    if isinstance(config, os.PathLike):
        return os.fspath(config)
    if isinstance(config, str) and "\n" not in config and "=" not in config:
        return config
    if isinstance(config, dict):
        for section, keys in config.items():
            if not isinstance(keys, dict):
                raise TypeError(f"{section}: a section is a dict of keys, as in {{'crossbar': {{'ou_wordlines': 9}}}}")
        text = "".join(f"[{section}]\n" + "".join(f"{key} = {value(v)}\n" for key, v in keys.items()) for section, keys in config.items())
    elif isinstance(config, str):
        text = config
    else:
        raise TypeError(f"a configuration is a dict, TOML text or a path, not {type(config).__name__}")
    path = os.path.join(folder, "config.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path
