#!/bin/sh
# ResNet-20 over OU heights, converters and precision maps, accuracy against energy, into results/codesign: run.sh [flags of `bwq pareto`].
# BWQ_DATA names the data's folder; experiments/ou_limit/README.md says what is in it.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/experiments/cifar10.sh"
cd "$root"
cargo build --release
bwq=${CARGO_TARGET_DIR:-target}/release/bwq
searched=results/search/cifar10_resnet20_bsq
net="--set network.model=$data/nets/cifar10_resnet20_bsq.json --set network.dataset=$data/cifar10"

# The searched network and its map, some ten minutes.
[ -e $searched/precision_map.json ] || "$bwq" search experiments/search/resnet20.toml --out $searched $net
mkdir -p results/codesign
# 90 % of chips. All heights are five: --set crossbar.ou_wordlines=[9,16,32,64,128].
"$bwq" pareto experiments/codesign/resnet20.toml --out results/codesign/yield_90 $net --set "crossbar.ou_wordlines=[9, 64, 128]" "$@"
# 99 %.
"$bwq" pareto experiments/codesign/yield_99.toml --out results/codesign/yield_99 --set "network.dataset=$data/cifar10" "$@"
