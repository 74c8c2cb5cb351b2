#!/bin/sh
# The embedded network by search and training, into results/bwq_a: run.sh [flags of `bwq train`]. Some ten minutes on two cores.
# BWQ_FASHION_MNIST names the folder of Fashion-MNIST; without it Debian's, of the package dataset-fashion-mnist.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
data=$(cd "${BWQ_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}" && pwd)
cd "$root"
cargo build --release --package bwq --package bwq-train
bwq=${CARGO_TARGET_DIR:-target}/release/bwq
"$bwq" search "$here/search.toml" --out results/bwq_a/search --set "network.dataset=$data"
exec "$bwq" train "$here/from_search.toml" --out results/bwq_a/train --set "network.dataset=$data" \
    --set train.start=results/bwq_a/search/network.json "$@"
