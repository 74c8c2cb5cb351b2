#!/bin/sh
# The sweeps of this experiment, into results/forms. Flags go on to `bwq run`; BWQ_DATA names the data's folder.
exec "$(dirname "$0")/../resnet20.sh" forms sigma -- "$@"
