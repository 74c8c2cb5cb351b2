#!/bin/sh
# The embedded network by search and training, into results/bwq_a: run.sh [flags of `bwq train`]. Some ten minutes on two cores.
# BWQ_FASHION_MNIST names the folder of Fashion-MNIST; without it Debian's, of the package dataset-fashion-mnist.
set -eu
. "$(dirname "$0")/../fashion_mnist.sh"
"$bwq" search "$here/search.toml" --out results/bwq_a/search --set "network.dataset=$data"
exec "$bwq" train "$here/from_search.toml" --out results/bwq_a/train --set "network.dataset=$data" \
    --set train.start=results/bwq_a/search/network.json "$@"
