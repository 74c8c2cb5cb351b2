#!/bin/sh
# Block-wise (BWQ-A) against layer-wise (BSQ) training at three seeds, into results/bwq_a/seeds: seeds.sh [flags of `bwq train`].
# BWQ_FASHION_MNIST names the folder of Fashion-MNIST; without it Debian's, of the package dataset-fashion-mnist. Some 30 minutes on two cores.
set -eu
. "$(dirname "$0")/../fashion_mnist.sh"
out=results/bwq_a/seeds
train() { # method, seed, alphas, flags
    method=$1 seed=$2 alphas=$3
    shift 3
    "$bwq" train "$here/seeds.toml" --out "$out/${method}_$seed" --set "network.dataset=$data" --set "train.method=$method" \
        --set "train.seed=$seed" --set "train.alpha=$alphas" "$@"
}
for seed in 1 2 3; do
    # One norm over a layer is smaller than the sum of its blocks' norms: hence the larger alphas.
    train bwq $seed "[0.003, 0.006, 0.012]" "$@"
    train bsq $seed "[0.03, 0.06, 0.12]" "$@"
done
# The end of every setting.
{
    echo "method,seed,setting,alpha,accuracy_frac,mean_bits,compression"
    for seed in 1 2 3; do
        for method in bwq bsq; do
            awk -F, -v run="$method,$seed" '
                NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
                $at["setting"] != setting && line { print line }
                { setting = $at["setting"]; line = run "," setting "," $at["alpha"] "," $at["accuracy_frac"] "," $at["mean_bits"] "," $at["compression"] }
                END { print line }' "$out/${method}_$seed/curve.csv"
        done
    done
} > $out/seeds.csv
# Compression at equal accuracy: at a loss of so many points of 92.60 %, its logarithm interpolated between two settings' ends; empty where
# they do not enclose it.
for loss in 1.0 1.25 1.5 1.75; do
    awk -F, -v loss=$loss '
        function put() { if (run) print run "," loss "," found }
        BEGIN { goal = 0.926 - loss / 100 }
        NR == 1 { if (loss == 1.0) print "method,seed,loss_points,compression"; next }
        $1 "," $2 != run { put(); run = $1 "," $2; found = ""; before = 0 }
        before && !found && before >= goal && $5 < goal { found = exp(log(size) + (before - goal) / (before - $5) * (log($7) - log(size))) }
        { before = $5; size = $7 }
        END { put() }' $out/seeds.csv
done > $out/equal_accuracy.csv
