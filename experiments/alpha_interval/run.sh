#!/bin/sh
# Strength of the lasso x epochs between two precision adjustments (the paper's Fig. 12), into results/alpha_interval: run.sh [flags of `bwq train`].
# BWQ_FASHION_MNIST names the folder of Fashion-MNIST; without it Debian's, of the package dataset-fashion-mnist. Some 10 minutes on two cores.
set -eu
. "$(dirname "$0")/../fashion_mnist.sh"
out=results/alpha_interval
mkdir -p $out
for interval in 2 4 8; do
    for alpha in 0.0025 0.005 0.01 0.02; do
        "$bwq" train "$here/alpha_interval.toml" --out "$out/${interval}_$alpha" --set "network.dataset=$data" \
            --set train.adjust_every=$interval --set train.alpha=$alpha "$@"
    done
done
# The last epoch of each training.
{
    echo "adjust_every_epochs,$(head -n 1 $out/2_0.005/curve.csv)"
    for interval in 2 4 8; do
        for alpha in 0.0025 0.005 0.01 0.02; do
            echo "$interval,$(tail -n 1 $out/${interval}_$alpha/curve.csv)"
        done
    done
} > $out/alpha_interval.csv
