#!/bin/sh
# Puts the network of run.sh and its precision map into the program: assets/fashion_vgg6_bwq_a.*, under a name of its own.
set -eu
cd "$(dirname "$0")/../.."
from=results/bwq_a/train
to=assets/fashion_vgg6_bwq_a
cp $from/network.safetensors $to.safetensors
cp $from/precision_map.json $to.precision_map.json
sed 's/"name": *"fashion_vgg6"/"name": "fashion_vgg6_bwq_a"/' $from/network.json > $to.json
grep -q fashion_vgg6_bwq_a $to.json
