#!/bin/sh
# Table II of the paper with our rows behind its own, into results/table2/table2.csv, from what experiments/search and experiments/bwq_a wrote.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p results/table2

searched() { # results folder, dataset, network, method, method's name here: the smallest network that keeps the budget
    awk -F, -v set="$2" -v net="$3" -v method="$4" -v as="$5" -v from="$1/search.csv" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $at["method"] == method && $at["keeps_budget"] == "true" && $at["compression"] + 0 > best + 0 {
            best = $at["compression"]
            signs = $at["compression_with_signs"]
            float = 100 * ($at["accuracy_frac"] + $at["drop_frac"])
            accuracy = 100 * $at["accuracy_frac"]
            bits = $at["activation_bits"]
        }
        END { if (best) printf "%s,%s,%s,%d,%.2f,%.2f,%.2f,%.2f,%.2f,%.3f,%s\n", set, net, as, bits, float, accuracy, float - accuracy, best, signs, 32 / best, from }' "$1/search.csv"
}
trained() { # results folder, dataset, network, activation bits: the end of the training with them
    if [ ! -e "$1/train.provenance.json" ]; then
        echo "table.sh: no finished training in $1: left out" >&2
        return 0
    fi
    count() { sed -n "s/^ *\"$2\": \([0-9]*\),*/\1/p" "$1/train.provenance.json"; }
    float=$(count "$1" float_correct)
    images=$(count "$1" images)
    awk -F, -v set="$2" -v net="$3" -v bits="$4" -v float="$float" -v images="$images" -v from="$1/curve.csv" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $at["activation_bits"] == bits { accuracy = 100 * $at["accuracy_frac"]; mean = $at["mean_bits"] }
        END {
            float = 100 * float / images
            if (mean) printf "%s,%s,BWQ-A (search then training),%d,%.2f,%.2f,%.2f,%.2f,,%.3f,%s\n", set, net, bits, float, accuracy, float - accuracy, 32 / mean, mean, from
        }' "$1/curve.csv"
}

{
    echo "dataset,network,method,activation_bits,float_accuracy_percent,accuracy_percent,loss_points,compression,compression_with_signs,mean_bits,source"
    awk -F, 'NR > 1 {
        printf "%s,%s,BSQ,%s,%s,%s,%.2f,%s,,%.3f,paper: Table II\n", $1, $2, $4, $3, $5, $3 - $5, $6, 32 / $6
        printf "%s,%s,BWQ-A,%s,%s,%s,%.2f,%s,,%.3f,paper: Table II\n", $1, $2, $7, $3, $8, $3 - $8, $9, 32 / $9
    }' experiments/table2/paper.csv
    for net in cifar10_resnet20 cifar10_resnet20_bsq; do
        searched results/search/$net CIFAR-10 $net layer-wise "layer-wise (search)"
        searched results/search/$net CIFAR-10 $net block-wise "block-wise (search)"
    done
    for bits in 6 5; do
        trained results/bwq_a/resnet20_3 CIFAR-10 cifar10_resnet20_bsq $bits
    done
    searched results/bwq_a/resnet20/search CIFAR-10 cifar10_resnet20_bsq block-wise "block-wise (search)"
    searched results/bwq_a/search Fashion-MNIST fashion_vgg6 layer-wise "layer-wise (search)"
    searched results/bwq_a/search Fashion-MNIST fashion_vgg6 block-wise "block-wise (search)"
    trained results/bwq_a/train Fashion-MNIST fashion_vgg6 4
} > results/table2/table2.csv
