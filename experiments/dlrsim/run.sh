#!/bin/sh
# The sweeps of this experiment, into results/dlrsim. Flags go on to `bwq run`; BWQ_DATA names the data's folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ -z "${BWQ_DATA:-}" ]; then
    echo "run.sh: set BWQ_DATA to a folder with nets/ and cifar10/; $root/experiments/ou_limit/README.md says what is in it" >&2
    exit 2
fi
data=$(cd "$BWQ_DATA" && pwd)
for needed in nets/cifar10_resnet20.json nets/cifar10_resnet20.safetensors cifar10; do
    if [ ! -e "$data/$needed" ]; then
        echo "run.sh: $data/$needed is not there; $root/experiments/ou_limit/README.md says where it comes from" >&2
        exit 2
    fi
done

cd "$root"
cargo build --release
for sweep in heights sigma_and_ratio; do
    "${CARGO_TARGET_DIR:-target}/release/bwq" run "$here/$sweep.toml" --out "results/dlrsim/$sweep" \
        --set "network.model=$data/nets/cifar10_resnet20.json" --set "network.dataset=$data/cifar10" "$@"
done
