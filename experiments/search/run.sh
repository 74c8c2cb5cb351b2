#!/bin/sh
# Searches block precisions of the two ResNet-20: run.sh [flags of `bwq search`]. Minutes each on two cores.
# BWQ_DATA names the data's folder; experiments/ou_limit/README.md says what is in it.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/experiments/cifar10.sh"
cd "$root"
cargo build --release
for net in cifar10_resnet20 cifar10_resnet20_bsq; do
    "${CARGO_TARGET_DIR:-target}/release/bwq" search experiments/search/resnet20.toml --out "results/search/$net" \
        --set "network.model=$data/nets/$net.json" --set "network.dataset=$data/cifar10" "$@"
done
