# Sourced by scripts on ResNet-20 and CIFAR-10, `root` being the project's folder: `data` becomes the folder that BWQ_DATA names.
if [ -z "${BWQ_DATA:-}" ]; then
    echo "${0##*/}: set BWQ_DATA to a folder with nets/ and cifar10/; $root/experiments/ou_limit/README.md says what is in it" >&2
    exit 2
fi
data=$(cd "$BWQ_DATA" && pwd)
