#!/usr/bin/env bash
# Shows the main job on this machine (Debian 12, as root): installs, builds, starts a broker, a
# stand-in cloud and mapper and an sshd on loopback, and opens a session as an operator would.
#   tests/demo.sh          once, and cleans up
#   tests/demo.sh --stay   keeps it up and prints how to connect: by the browser, or by hand
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh
log=$(mktemp)
quietly() { # what command...
    echo "$1 ..."
    shift
    "$@" >"$log" 2>&1 || { cat "$log" && exit 1; }
}
quietly "installing packages" install_packages tests/packages.txt
quietly "making a python environment" make_venv
targets=plugin/c8y-remote-access-connect quietly "building" build "$PWD/build"
rm -f "$log"
PYTHONPATH=$PWD/tests exec "$venv/bin/python" -m demo "$@"
