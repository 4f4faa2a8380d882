#!/usr/bin/env bash
# Builds c8y-remote-access-connect_<version>_<arch>.deb from the files that git tracks; same tree, same bytes,
# wherever and whenever. Needs Debian 12 and the packages of debian/control; installs nothing, needs no network.
#   --arch ARCH    amd64, arm64 or armhf [this machine's]; a foreign one is built in a root that cross-root.sh makes
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

profiles=() options=noautodbgsym root=/ enter=()
[ -n "$tests" ] || profiles+=(nocheck) options+=" nocheck"
if [ "$arch" != "$(dpkg --print-architecture)" ]; then
    profiles+=(cross)
    root=$(packaging/cross-root.sh "$arch") || fail "there is no root to build for $arch in (see above)"
    enter=(unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" chroot "$root")
fi
export DEB_BUILD_PROFILES="${profiles[*]:-}" DEB_BUILD_OPTIONS="$options ${DEB_BUILD_OPTIONS:-}"

tree=$(mktemp -d "${root%/}/tmp/build-deb.XXXXXX")
trap 'rm -rf "$tree"' EXIT
inside=/${tree#"${root%/}/"}
source=c8y-remote-access-connect
mkdir "$tree/$source"
git -c safe.directory="*" ls-files -z | xargs -0 cp --parents -t "$tree/$source" --no-dereference
cp -r packaging/debian "$tree/$source/debian"
in_source() { "${enter[@]}" env -C "$inside/$source" "$@"; }

missing=$(in_source dpkg-checkbuilddeps -a "$arch" 2>&1) ||
    fail "build packages are missing: apt-get install ${missing#*dependencies: }"
in_source dpkg-buildpackage --build=binary --no-sign --host-arch "$arch" >"$tree/log" 2>&1 || {
    tail -n 60 "$tree/log"
    fail "the build failed (its last lines are above)"
}
[ -z "$tests" ] || grep -E '^\[doctest\]' "$tree/log"
package=c8y-remote-access-connect_${version}_$arch.deb
cp "$tree/$package" "$output/"

if command -v lintian >/dev/null; then
    lintian --fail-on error,warning --allow-root "$output/$package" || fail "lintian: see above"
fi
echo "$output/$package"
dpkg-deb -f "$output/$package" Installed-Size Depends
