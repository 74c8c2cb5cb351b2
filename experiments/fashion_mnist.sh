# Sourced by scripts that train the embedded network: goes to the project's folder and builds the programs. `here` becomes the script's folder,
# `data` that of Fashion-MNIST (BWQ_FASHION_MNIST, or Debian's, of the package dataset-fashion-mnist), `bwq` the program.
here=$(cd "$(dirname "$0")" && pwd)
data=$(cd "${BWQ_FASHION_MNIST:-/usr/share/datasets/fashion-mnist}" && pwd)
cd "$here/../.."
cargo build --release --package bwq --package bwq-train
bwq=${CARGO_TARGET_DIR:-target}/release/bwq
