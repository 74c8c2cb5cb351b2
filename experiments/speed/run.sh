#!/bin/sh
# `bwq bench` between two runs of the NumPy reference, into results/speed. BWQ_NUMPY_REFERENCE names the reference.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

reference=${BWQ_NUMPY_REFERENCE:-$root/../shared/bench/numpy_reference.py}
if [ ! -f "$reference" ]; then
    echo "run.sh: no NumPy reference at $reference; set BWQ_NUMPY_REFERENCE, $here/README.md says what it is" >&2
    exit 2
fi
if ! python3 -c 'import numpy' 2>/dev/null; then
    echo "run.sh: python3 with NumPy is needed (python3 -m pip install numpy)" >&2
    exit 2
fi

# A network of your own beside the embedded one: the folder of the other experiments.
if [ -n "${BWQ_DATA:-}" ]; then
    set -- --model "$BWQ_DATA/nets/cifar10_resnet20.json" --dataset "$BWQ_DATA/cifar10" "$@"
else
    echo "run.sh: BWQ_DATA is not set, so ResNet-20 is not measured; experiments/ou_limit/README.md says what is in it" >&2
fi

cd "$root"
cargo build --release
exec python3 "$here/speed.py" --bwq "${CARGO_TARGET_DIR:-target}/release/bwq" --reference "$reference" --out results/speed "$@"
