#!/usr/bin/env bash
# Builds c8y-remote-access-connect_<version>_<arch>.deb from the files that git tracks; same tree, same bytes,
# wherever and whenever. Needs Debian 12 and the packages of debian/control; installs nothing, needs no network.
#   --arch ARCH    amd64, arm64 or armhf [this machine's]; for a foreign one see cross-chroot.sh
#   --output DIR   where the package goes [build/deb]
#   --tests        runs the unit tests too, those of a foreign architecture under qemu-user
set -euo pipefail
cd "$(dirname "$0")/.."
# What differs between machines and could end up in the package.
umask 022
export LC_ALL=C.UTF-8 TZ=UTC

fail() {
    echo "build-deb.sh: $*" >&2
    exit 1
}

arch=$(dpkg --print-architecture) output=build/deb tests=
while [ $# -gt 0 ]; do
    case $1 in
    --arch) arch=${2:?} && shift 2 ;;
    --output) output=${2:?} && shift 2 ;;
    --tests) tests=yes && shift ;;
    *) fail "unknown option $1 (--arch ARCH, --output DIR, --tests)" ;;
    esac
done
mkdir -p "$output"
output=$(realpath "$output")

command -v dpkg-buildpackage >/dev/null || fail "dpkg-buildpackage is missing: apt-get install dpkg-dev"
version=$(dpkg-parsechangelog -l packaging/debian/changelog -S Version)
project=$(sed -n "s/^ *version: '\([^']*\)',\$/\1/p" meson.build)
[ "$version" = "$project" ] ||
    fail "packaging/debian/changelog says version $version, meson.build says $project: make them equal"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
source=$tree/c8y-remote-access-connect
mkdir "$source"
git ls-files -z | xargs -0 cp --parents -t "$source" --no-dereference
cp -r packaging/debian "$source/debian"

profiles=() options=noautodbgsym
[ -n "$tests" ] || profiles+=(nocheck) options+=" nocheck"
[ "$arch" = "$(dpkg --print-architecture)" ] || profiles+=(cross)
export DEB_BUILD_PROFILES="${profiles[*]:-}"
export DEB_BUILD_OPTIONS="$options ${DEB_BUILD_OPTIONS:-}"
cd "$source"
missing=$(dpkg-checkbuilddeps -a "$arch" 2>&1) ||
    fail "build packages are missing (apt-get build-dep, or apt-get install, as root): ${missing#*dependencies: }"
dpkg-buildpackage --build=binary --no-sign --host-arch "$arch" >"$tree/log" 2>&1 || {
    tail -n 60 "$tree/log"
    fail "the build failed (its last lines are above)"
}
package=c8y-remote-access-connect_${version}_$arch.deb
cp "$tree/$package" "$output/"

if command -v lintian >/dev/null; then
    lintian --fail-on error,warning --allow-root "$output/$package" || fail "lintian: see above"
fi
echo "$output/$package"
dpkg-deb -f "$output/$package" Installed-Size Depends
