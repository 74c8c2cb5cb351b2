#!/bin/sh
# ResNet-20 by search, then training at 5-bit and 4-bit activations, into results/bwq_a/resnet20: resnet20.sh [flags of `bwq train`].
# BWQ_DATA names the data's folder (experiments/ou_limit/README.md says what is in it). Hours on two cores; the same command goes on.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/experiments/cifar10.sh"
cd "$root"
cargo build --release --package bwq --package bwq-train
bwq=${CARGO_TARGET_DIR:-target}/release/bwq
out=results/bwq_a/resnet20
set -- --set "network.model=$data/nets/cifar10_resnet20_bsq.json" --set "network.dataset=$data/cifar10" "$@"
[ -e $out/search/network.json ] || "$bwq" search experiments/search/resnet20.toml --out $out/search --set monte_carlo.max_drop=0.004 "$1" "$2" "$3" "$4"
exec "$bwq" train experiments/bwq_a/resnet20.toml --out $out --set train.start=$out/search/network.json "$@"
