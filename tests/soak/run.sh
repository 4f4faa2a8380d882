#!/usr/bin/env bash
# Mixed traffic for a time, with counters and a verdict; exit status 1 with the reason if anything grew,
# was lost or stayed without its status.
#   tests/soak/run.sh [SECONDS [FOLDER]]     120 s; a new folder below /tmp for samples.csv, plot.svg, verdict.txt
# CONNECT_BUILD names another build folder than build, SOAK_PYTHON another Python than that of .venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-120}
folder=$(realpath -m "${2:-$(mktemp -d /tmp/soak.XXXXXX)}")
. tests/setup.sh
python=${SOAK_PYTHON:-$venv/bin/python}
[ -x "$python" ] || make_venv
PYTHONPATH=$PWD/tests exec "$python" -m soak "$seconds" "$folder"
