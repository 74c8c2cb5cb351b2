#!/bin/sh
# All tests, on a software Vulkan adapter where the machine has no other. BWQ_SLOW=1 adds the slow tests;
# with CI set, a test that cannot run is a failure. BWQ_INSTALL=1, or CI, also installs what tests of clusters and of the page start: a
# private Slurm, GNU parallel, Chromium.
set -eu
cd "$(dirname "$0")"

# A loader and a driver: what the GPU tests need.
has_vulkan() {
    if [ -n "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ]; then
        return 0 # the user's own choice
    fi
    loader=
    for folder in /usr/lib /usr/lib64 /usr/lib/*-linux-gnu* /usr/local/lib; do
        [ -e "$folder/libvulkan.so.1" ] && loader=yes
    done
    [ -n "$loader" ] || return 1
    for folder in /usr/share/vulkan/icd.d /etc/vulkan/icd.d /usr/local/share/vulkan/icd.d "${HOME:-/nonexistent}/.local/share/vulkan/icd.d"; do
        for driver in "$folder"/*.json; do
            [ -e "$driver" ] && return 0
        done
    done
    return 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "test.sh: root is needed for: $*" >&2
        return 1
    fi
}

install() {
    as_root apt-get update -q && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
}

if ! has_vulkan; then
    echo "test.sh: no Vulkan driver here; lavapipe, a software one, makes the GPU tests run" >&2
    if command -v apt-get >/dev/null 2>&1; then
        install mesa-vulkan-drivers libvulkan1 ||
            echo "test.sh: the packages mesa-vulkan-drivers and libvulkan1 could not be installed" >&2
    else
        echo "test.sh: install it by hand: Fedora mesa-vulkan-drivers vulkan-loader; Arch vulkan-swrast vulkan-icd-loader;" >&2
        echo "test.sh: Alpine mesa-vulkan-swrast vulkan-loader; macOS: Vulkan tests do not run there" >&2
    fi
    if ! has_vulkan; then
        if [ -n "${CI:-}" ]; then
            echo "test.sh: without a driver the GPU tests cannot run, and CI is set" >&2
            exit 1
        fi
        echo "test.sh: going on with the CPU tests; the GPU tests will say that they did not run" >&2
    fi
fi

# What tests of clusters, of the report's page and of the Python module need. Nobody wants these on a machine of their own unasked: elsewhere than in CI those tests
# say that they did not run.
if [ -n "${CI:-}${BWQ_INSTALL:-}" ]; then
    packages=
    for pair in slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client munged:munge parallel:parallel; do
        PATH="$PATH:/usr/sbin" command -v "${pair%:*}" >/dev/null 2>&1 || packages="$packages ${pair#*:}"
    done
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || packages="$packages chromium"
    python3 -c 'import ensurepip' >/dev/null 2>&1 || packages="$packages python3-venv"
    if [ -n "$packages" ]; then
        # shellcheck disable=SC2086
        install $packages ||
            echo "test.sh: could not be installed:$packages" >&2
    fi
fi

exec cargo test --release --workspace "$@"
