#!/bin/sh
# Speed-up and energy of five designs over the paper's ISAAC, 14 networks of Table II under each reading, into results/fig9; with
# BWQ_DATA (a folder with nets/ and cifar10/, as in experiments/ou_limit/README.md) also networks that have weights.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${BWQ:-}" ]; then
    cargo build --release
    BWQ=${CARGO_TARGET_DIR:-target}/release/bwq
fi

# The tables that are kept of a run: count NAME ARGUMENTS...
count() {
    out=results/fig9/$1
    shift
    "$BWQ" cost "$@" --out "$out"
    rm "$out"/cost_layers.* "$out"/cost_components.* "$out"/cost_comparison.png
}

networks=experiments/fig9/networks.toml
count in_turn $networks
count in_parallel $networks --set cost.bit_planes=in-parallel
# Buffers, buses and sums in turn with the arrays, not beside them.
count in_parallel_no_overlap $networks --set cost.bit_planes=in-parallel --set cost.layer_stages=in-turn
# Arrays that a design frees become copies of layers. ISAAC as published has no part: it needs more arrays for depthwise convolutions; nor
# has SME where the others' planes are in turn: it needs more for ResNet-20.
count in_turn_iso_array $networks --set cost.arrays=isaac-ou --set 'cost.design=["isaac-ou", "sre", "bsq", "bwq-h"]'
count in_parallel_iso_array $networks --set cost.bit_planes=in-parallel --set cost.arrays=isaac-ou --set 'cost.design=["isaac-ou", "sre", "sme", "bsq", "bwq-h"]'

real=experiments/fig9/with_weights.toml
count embedded $real
count embedded_in_parallel $real --set cost.bit_planes=in-parallel
if [ -n "${BWQ_DATA:-}" ]; then
    nets="\"$BWQ_DATA/nets/cifar10_resnet20.json\", \"$BWQ_DATA/nets/cifar10_resnet44.json\", \"$BWQ_DATA/nets/cifar10_resnet56.json\""
    count resnets $real --set "cost.network=[$nets]" --set "cost.dataset=$BWQ_DATA/cifar10"
    count resnets_in_parallel $real --set "cost.network=[$nets]" --set "cost.dataset=$BWQ_DATA/cifar10" --set cost.bit_planes=in-parallel
    # Pruned by deep compression; its images are ImageNet's, which are not there.
    count pruned $real --set "cost.network=[\"$BWQ_DATA/nets/imagenet_squeezenet10_deepcomp.json\"]"
else
    echo "run.sh: BWQ_DATA is not set, so the ResNets with weights are left out" >&2
fi
