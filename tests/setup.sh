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

build() { # folder options...
    local folder=$1
    shift
    if [ -f "$folder/build.ninja" ]; then
        meson setup --reconfigure "$folder" -Dwerror=true "$@"
    else
        meson setup "$folder" -Dwerror=true "$@"
    fi && meson compile -C "$folder"
}
