#!/bin/sh
# Bytes of SRE's and SME's index and of BWQ-H's table, CIFAR-10 networks, into results/fig11; with BWQ_DATA also networks with weights.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${BWQ:-}" ]; then
    cargo build --release
    BWQ=${CARGO_TARGET_DIR:-target}/release/bwq
fi
count() {
    out=results/fig11/$1
    shift
    "$BWQ" cost experiments/fig11/index.toml "$@" --out "$out"
    rm "$out"/cost_layers.* "$out"/cost_components.* "$out"/cost_summary.* "$out"/cost_means.* "$out"/cost_comparison.svg "$out"/cost_comparison.png
}
count assumed
if [ -n "${BWQ_DATA:-}" ]; then
    nets="\"embedded\", \"$BWQ_DATA/nets/cifar10_resnet20.json\", \"$BWQ_DATA/nets/cifar10_resnet44.json\", \"$BWQ_DATA/nets/cifar10_resnet56.json\""
    count counted --set "cost.network=[$nets, \"$BWQ_DATA/nets/imagenet_squeezenet10_deepcomp.json\"]" --set cost.precision_map=own
else
    echo "run.sh: BWQ_DATA is not set, so networks with weights are left out" >&2
fi
