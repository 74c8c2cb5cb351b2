#!/bin/sh
# Block-wise (BWQ-A) against layer-wise (BSQ) precisions at equal accuracy and three seeds, into results/bwq_a/seeds: seeds.sh [flags of `bwq train`].
# Both are searched at several budgets, then trained on in the same way, with 4-bit activations.
# BWQ_FASHION_MNIST names the folder of Fashion-MNIST; without it Debian's, of the package dataset-fashion-mnist. Some half an hour on two cores.
set -eu
. "$(dirname "$0")/../fashion_mnist.sh"
out=results/bwq_a/seeds
budgets="0.0016 0.0025 0.01"
searched() { # method, budget
    from=$out/search/$1_$2
    [ -e "$from/network.json" ] || "$bwq" search "$here/search.toml" --out "$from" --set "network.dataset=$data" --set "monte_carlo.max_drop=$2" \
        --set "search.method=$1"
}
trained() { # method, budget, seed, flags
    method=$1 budget=$2 seed=$3
    shift 3
    case $method in block-wise) train=bwq ;; *) train=bsq ;; esac
    "$bwq" train "$here/from_search.toml" --out "$out/${method}_${budget}_$seed" --set "network.dataset=$data" --set "train.method=$train" \
        --set "train.seed=$seed" --set "train.start=$out/search/${method}_$budget/network.json" --set train.max_drop=1.0 \
        --set train.epochs=5 --set train.adjust_every=5 --set train.training_images=15000 "$@"
}
for budget in $budgets; do
    for method in block-wise layer-wise; do
        searched $method $budget
        for seed in 1 2 3; do
            trained $method $budget $seed "$@"
        done
    done
done
# Beyond one bit in every layer, where layer-wise ends.
for method in block-wise layer-wise; do
    searched $method 0.03
done
trained block-wise 0.03 1 "$@"
# The end of every training.
{
    echo "method,seed,budget_frac,accuracy_frac,mean_bits,compression"
    for method in block-wise layer-wise; do
        for seed in 1 2 3; do
            for budget in $budgets; do
                awk -F, -v run="$method,$seed,$budget" '
                    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
                    { line = run "," $at["accuracy_frac"] "," $at["mean_bits"] "," $at["compression"] }
                    END { print line }' "$out/${method}_${budget}_$seed/curve.csv"
            done
        done
    done
} > $out/seeds.csv
# Compression at equal accuracy: at a loss of so many points of 92.60 %, its logarithm interpolated between two budgets; empty where they do
# not enclose it.
for loss in 1.0 1.25 1.5 1.75; do
    awk -F, -v loss=$loss '
        function put() { if (run) print run "," loss "," found }
        BEGIN { goal = 0.926 - loss / 100 }
        NR == 1 { if (loss == 1.0) print "method,seed,loss_points,compression"; next }
        $1 "," $2 != run { put(); run = $1 "," $2; found = ""; before = 0 }
        before && !found && before >= goal && $4 < goal { found = exp(log(size) + (before - goal) / (before - $4) * (log($6) - log(size))) }
        { before = $4; size = $6 }
        END { put() }' $out/seeds.csv
done > $out/equal_accuracy.csv
