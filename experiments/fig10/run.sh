#!/bin/sh
# Energy of BWQ-H, and of the paper's ISAAC beside it, by part, under each component set, into results/fig10.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${BWQ:-}" ]; then
    cargo build --release
    BWQ=${CARGO_TARGET_DIR:-target}/release/bwq
fi
for network in resnet18-cifar10 resnet20-cifar10 vgg16-cifar10; do
    for design in bwq-h isaac-ou; do
        out=results/fig10/${network}_$design
        more="--set cost.activation_bits=16"
        [ $design = isaac-ou ] || more="--set cost.activation_bits=table2 --precision-map synthetic"
        # shellcheck disable=SC2086 # words of their own
        "$BWQ" cost --network $network --design $design $more --out "$out"
        rm "$out"/cost_layers.* "$out"/cost_breakdown.png
        awk 'FNR == 1 || /,all,/' "$out/cost_components.csv" > "$out/all" # the sum of the layers
        mv "$out/all" "$out/cost_components.csv"
    done
done
