#!/bin/sh
# ResNet-20 over OU heights, converters and precision maps, accuracy against energy, into results/codesign: run.sh [flags of `bwq pareto`].
# BWQ_DATA names the data's folder; experiments/ou_limit/README.md says what is in it.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${BWQ_DATA:-}" ]; then
    echo "run.sh: set BWQ_DATA to a folder with nets/ and cifar10/; $root/experiments/ou_limit/README.md says what is in it" >&2
    exit 2
fi
data=$(cd "$BWQ_DATA" && pwd)
cd "$root"
cargo build --release
bwq=${CARGO_TARGET_DIR:-target}/release/bwq
searched=results/search/cifar10_resnet20_bsq
net="--set network.model=$data/nets/cifar10_resnet20_bsq.json --set network.dataset=$data/cifar10"

# The searched network and its map, some ten minutes.
[ -e $searched/precision_map.json ] || "$bwq" search experiments/search/resnet20.toml --out $searched $net
ask() { # folder, flags
    out=results/codesign/$1
    shift
    "$bwq" pareto experiments/codesign/resnet20.toml --out "$out" $net "$@" | tee "$out.txt"
}
mkdir -p results/codesign
# 90 % of chips, all points.
ask yield_90 "$@"
# 99 %: only what is not dearer than a point that has passed.
ask yield_99 --yield 0.99 --trials 450 --set pareto.skip_dominated=true "$@"
