#!/usr/bin/env bash
# Makes a Debian 12 root in which packages for another architecture are built, and prints where it is; one
# that is there already is used again. This machine gets no foreign package. Needs root, mmdebstrap and a network.
#   packaging/cross-root.sh arm64|armhf
set -euo pipefail
arch=${1:?arm64 or armhf}
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/c8y-remote-access-connect
# Another control file may need other packages.
root=$cache/cross-$arch-$(sha256sum packaging/debian/control | cut -c1-12)

[ "$(id -u)" = 0 ] || { echo "cross-root.sh: only root can make a Debian root for $arch" >&2 && exit 1; }
command -v mmdebstrap >/dev/null || { echo "cross-root.sh: mmdebstrap is missing: apt-get install mmdebstrap" >&2 && exit 1; }
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ ! -e "$root" ]; then
    rm -rf "$cache/cross-$arch-"*
    # Security updates come to the architectures at different times, and then their packages exclude each
    # other; what is built links to the same library versions anyway.
    mmdebstrap --quiet --variant=minbase --architectures="$(dpkg --print-architecture),$arch" \
        --include="crossbuild-essential-$arch,qemu-user-static" \
        --setup-hook='sed -i /security/d "$1/etc/apt/sources.list"' \
        --customize-hook='mkdir "$1/build" && cp -r packaging/debian "$1/build/debian"' \
        --chrooted-customize-hook="apt-get build-dep -y -q --no-install-recommends --host-architecture $arch /build" \
        --customize-hook='rm -r "$1/build"' \
        bookworm "$root.new" >&2
    mv "$root.new" "$root"
fi
echo "$root"
