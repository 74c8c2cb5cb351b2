#!/bin/sh
# Runs the sweeps of an experiment on ResNet-20 and CIFAR-10: resnet20.sh EXPERIMENT SWEEP... [-- flags of `bwq run`].
# BWQ_DATA names the data's folder; experiments/ou_limit/README.md says what is in it.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
name=$1
shift
sweeps=
while [ $# -gt 0 ] && [ "$1" != "--" ]; do
    sweeps="$sweeps $1"
    shift
done
[ $# -eq 0 ] || shift

. "$root/experiments/cifar10.sh"
for needed in nets/cifar10_resnet20.json nets/cifar10_resnet20.safetensors cifar10; do
    if [ ! -e "$data/$needed" ]; then
        echo "resnet20.sh: $data/$needed is not there; $root/experiments/ou_limit/README.md says where it comes from" >&2
        exit 2
    fi
done

cd "$root"
cargo build --release
for sweep in $sweeps; do
    "${CARGO_TARGET_DIR:-target}/release/bwq" run "experiments/$name/$sweep.toml" --out "results/$name/$sweep" \
        --set "network.model=$data/nets/cifar10_resnet20.json" --set "network.dataset=$data/cifar10" "$@"
done
