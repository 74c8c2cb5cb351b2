#!/bin/sh
# ResNet-20 by search, then training towards few activation bits, thrice at a falling learning rate, into results/bwq_a/resnet20, resnet20_2 and
# resnet20_3: resnet20.sh. BWQ_DATA names the data's folder (experiments/ou_limit/README.md says what is in it). An hour and a half on two cores;
# the same command goes on.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/experiments/cifar10.sh"
cd "$root"
cargo build --release --package bwq --package bwq-train
bwq=${CARGO_TARGET_DIR:-target}/release/bwq
out=results/bwq_a/resnet20
net="--set network.model=$data/nets/cifar10_resnet20_bsq.json --set network.dataset=$data/cifar10"
train() { # folder, start, flags; exit code 4 says that the last setting left the budget
    to=$1 from=$2
    shift 2
    [ -e "$to/train.provenance.json" ] || "$bwq" train experiments/bwq_a/resnet20.toml --out "$to" $net --set "train.start=$from/network.json" "$@" || [ $? -eq 4 ]
}

[ -e $out/search/network.json ] || "$bwq" search experiments/search/resnet20.toml --out $out/search $net --set monte_carlo.max_drop=0.004
train $out $out/search
train ${out}_2 $out --set train.learning_rate=0.0005 --set train.epochs=2 --set train.adjust_every=2
train ${out}_3 ${out}_2 --set train.learning_rate=0.0004 --set train.epochs=1 --set train.adjust_every=1 --set "quantization.activation_bits=[6, 5]"
