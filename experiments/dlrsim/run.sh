#!/bin/sh
# The sweeps of this experiment, into results/dlrsim. Flags go on to `bwq run`; BWQ_DATA names the data's folder.
exec "$(dirname "$0")/../resnet20.sh" dlrsim heights sigma_and_ratio -- "$@"
