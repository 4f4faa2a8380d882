# SPDX-License-Identifier: Apache-2.0
# What tests/run.sh and tests/demo.sh share; sourced at the top of the repository.

venv=$PWD/.venv

install_packages() { # lists...
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && cat "$@" | xargs -r apt-get install -y -qq --no-install-recommends
}

# Debian's own python3, whatever comes first in PATH.
make_venv() {
    /usr/bin/python3 -m venv "$venv" && "$venv/bin/pip" install -q -r tests/requirements.txt
}

# Debian's own go. go.sum pins every module that goes into it, so no checksum service is asked.
make_toxiproxy() {
    local pinned=$PWD/tests/e2e/toxiproxy server=$venv/bin/toxiproxy-server
    [ "$server" -nt "$pinned/go.mod" ] && [ "$server" -nt "$pinned/go.sum" ] && return
    (cd "$pinned" && CGO_ENABLED=0 GOWORK=off GOFLAGS='-mod=readonly -modcacherw -buildvcs=false' \
        GOMODCACHE=$venv/go/modules GOCACHE=$venv/go/cache \
        /usr/bin/go build -trimpath -o "$server" github.com/Shopify/toxiproxy/v2/cmd/server)
}

build() { # folder options...; only what $targets names, if it is set
    local folder=$1
    shift
    if [ -f "$folder/build.ninja" ]; then
        meson setup --reconfigure "$folder" -Dwerror=true "$@"
    else
        meson setup "$folder" -Dwerror=true "$@"
    fi && meson compile -C "$folder" ${targets:-}
}
