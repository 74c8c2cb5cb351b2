"""Packs a built program and the module into a wheel, as `maturin build` does, without building the program a second time:

    python3 python/wheel.py target/release/bwq DIR

prints the wheel's path. It says of itself that it runs on this machine (linux_x86_64); for a registry, whose wheels must run on
older systems too, use `maturin build --release` on one of those.
"""

import base64
import hashlib
import os
import re
import sys
import sysconfig
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))


def pack(program, folder):
    """Writes the wheel into `folder`; returns its path."""
    with open(os.path.join(HERE, "..", "Cargo.toml"), encoding="utf-8") as file:
        version = re.search(r'^version = "(.+)"', file.read(), re.MULTILINE).group(1)
    name, tag = f"bwq-{version}", f"py3-none-{re.sub('[-.]', '_', sysconfig.get_platform())}"
    module = os.path.join(HERE, "bwq")
    files = {f"bwq/{f}": os.path.join(module, f) for f in sorted(os.listdir(module)) if f.endswith(".py")}
    contents = {at: _bytes(path) for at, path in files.items()}
    contents[f"{name}.data/scripts/bwq"] = _bytes(program)
    contents[f"{name}.dist-info/METADATA"] = f"Metadata-Version: 2.1\nName: bwq\nVersion: {version}\nRequires-Python: >=3.9\nRequires-Dist: numpy\nProvides-Extra: pandas\nRequires-Dist: pandas; extra == 'pandas'\n".encode()
    contents[f"{name}.dist-info/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: bwq\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    record = f"{name}.dist-info/RECORD"
    contents[record] = ("".join(f"{at},sha256={_hash(data)},{len(data)}\n" for at, data in contents.items()) + f"{record},,\n").encode()
    path = os.path.join(folder, f"{name}-{tag}.whl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as wheel:
        for at, data in contents.items():
            entry = zipfile.ZipInfo(at)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if "/scripts/" in at else 0o100644) << 16
            wheel.writestr(entry, data)
    return path


def _bytes(path):
    with open(path, "rb") as file:
        return file.read()


def _hash(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    print(pack(sys.argv[1], sys.argv[2]))
