#!/usr/bin/env bash
# Sets up and runs all tests on a Debian 12 machine, as root. One line at the end: N passed, N failed.
#   tests/run.sh          everything that CI runs
#   tests/run.sh --full   and what takes longer: ten minutes of fuzzing a target instead of twenty seconds, scan-build and
#                         clang-tidy over src and plugin, the benchmark, the packages for arm64 and armhf with their unit
#                         tests under qemu-user
#   tests/run.sh --fast   release build, no package installation, no sanitizers, no fuzzing
# Results, logs and screenshots: $REMOTE_ACCESS_WORK (default: build/test-results).
set -uo pipefail
cd "$(dirname "$0")/.."
mode=${1:-}
work=${REMOTE_ACCESS_WORK:-$PWD/build/test-results}
passed=0 failed=0 skipped=0
. tests/setup.sh

step() { printf '\n== %s (%d:%02d)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); } # with the time so far

# Adds up what a suite's own closing line says; a suite that died without one is a failure.
count() { # name status passed failed skipped
    passed=$((passed + $3)) failed=$((failed + $4)) skipped=$((skipped + $5))
    if [ "$2" -ne 0 ] && [ "$4" -eq 0 ]; then
        failed=$((failed + 1))
        echo "suite '$1' ended with status $2"
    fi
}

finish() {
    printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}

must() { # what command...
    local what=$1 log=$work/$1.log
    shift
    if ! "$@" >"$log" 2>&1; then
        tail -n 40 "$log"
        echo "$what failed (whole log: $log)"
        failed=$((failed + 1))
        finish
    fi
}

unit() { # name folder
    step "unit tests ($1)"
    local log=$work/unit-$1.log status=0 line
    timeout 300 "$2/tests/unit/unit" >"$log" 2>&1 || status=$?
    line=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep 'test cases:' | tr -d '|')
    [ "$status" -eq 0 ] || tail -n 40 "$log"
    echo "$line"
    count "unit $1" "$status" "$(grep -oE '[0-9]+ passed' <<<"$line" | head -n1 | grep -oE '[0-9]+' || echo 0)" \
        "$(grep -oE '[0-9]+ failed' <<<"$line" | head -n1 | grep -oE '[0-9]+' || echo 0)" 0
}

one_pytest() { # name folder-of-build arguments...
    local name=$1 build=$2
    shift 2
    REMOTE_ACCESS_WORK=$work CONNECT_BUILD=$build PYTHONPATH=$PWD/tests timeout 1500 "$venv/bin/python" -m pytest \
        -q -rfEs --tb=short -p no:cacheprovider -o tmp_path_retention_policy=failed --basetemp="$work/$name.tmp" \
        --junitxml="$work/$name.xml" "$@" >"$work/$name.log" 2>&1
}

# At most three that fail beside hundreds of others are run once more, alone: what fails again has failed. The
# first failure stays in the log and is shown, so that somebody mends the test.
run_pytest() { # name folder-of-build arguments...
    local log=$work/$1.log status=0 passed skipped again
    one_pytest "$@" || status=$?
    [ "$status" -eq 1 ] || return "$status"
    mapfile -t again < <(sed -nE 's/^(FAILED|ERROR) (tests\/.*)/\2/p' "$log" | sed 's/ - .*//' | sort -u)
    [ "${#again[@]}" -ge 1 ] && [ "${#again[@]}" -le 3 ] || return 1
    one_pytest "$1-again" "$2" "${again[@]}" || return 1
    passed=$(tail -n1 "$log" | grep -oE '[0-9]+ passed' | grep -oE '[0-9]+')
    skipped=$(tail -n1 "$log" | grep -oE '[0-9]+ skipped' | grep -oE '[0-9]+')
    printf 'failed beside others, passed alone: %s\n' "${again[@]}" >>"$log"
    echo "$((${passed:-0} + ${#again[@]})) passed, ${skipped:-0} skipped" >>"$log"
}

py() { # name folder-of-build arguments...
    step "$1"
    local status=0
    run_pytest "$@" || status=$?
    say_pytest "$1" "$status"
}

say_pytest() { # name status
    local name=$1 log=$work/$1.log status=$2 line
    grep -E '^(SKIPPED|FAILED|ERROR|failed beside others)' "$log"
    [ "$status" -eq 0 ] || tail -n 60 "$log"
    line=$(tail -n 3 "$log" | grep -E '[0-9]+ (passed|failed|error|skipped)' | tail -n1)
    echo "$line"
    number() { grep -oE "[0-9]+ $1" <<<"$line" | grep -oE '[0-9]+' || echo 0; }
    count "$name" "$status" "$(number passed)" "$(($(number failed) + $(number error)))" "$(number skipped)"
}

fuzz() { # seconds a target
    step "fuzz ($1 s a target)"
    local log=$work/fuzz.log status=0 line
    FUZZ_WORK=$work/fuzz tests/fuzz/run.sh "$1" >"$log" 2>&1 || status=$?
    cat "$log"
    line=$(tail -n1 "$log")
    count fuzz "$status" "$(grep -oE '^[0-9]+' <<<"$line" || echo 0)" \
        "$(grep -oE '[0-9]+ failed' <<<"$line" | grep -oE '[0-9]+' || echo 0)" 0
}

# Not optimized: tests wait more than they compute, and a compiler with a sanitizer computes for long.
sanitized=(-Dbench=false -Dbuildtype=plain -Doptimization=0 -Dcpp_args=-g1 -Db_lto=false)
build-sanitizers() { build "$PWD/build-sanitizers" "${sanitized[@]}" -Db_sanitize=address,undefined; }
build-threads() { build "$PWD/build-threads" -Dtests=false "${sanitized[@]}" -Db_sanitize=thread; }
build-fuzz() { tests/fuzz/run.sh --build; }

# With what the tests leave of the processor, so that a later step need not wait for its build.
build_ahead() {
    local name
    rm -f "$work"/build-*.status
    (
        renice -n 19 "$BASHPID" >/dev/null
        for name in build-sanitizers build-threads build-fuzz; do
            "$name" >"$work/$name.log" 2>&1
            echo $? >"$work/$name.status.new" && mv "$work/$name.status.new" "$work/$name.status"
        done
    ) &
    ahead=$!
    trap 'kill "$ahead" 2>/dev/null' EXIT
}

built() { # name what
    step "build: $2"
    while [ ! -e "$work/$1.status" ] && kill -0 "$ahead" 2>/dev/null; do sleep 0.2; done
    [ "$(cat "$work/$1.status" 2>/dev/null)" = 0 ] && return
    must "$1" "$1" # says why not
}

# Threads are where Paho and the resolver are: in the plugin, and in the session process.
threads() {
    built build-threads "thread sanitizer"
    py threads "$PWD/build-threads" -n 5 -m "not release_only" -k "not within_a_second" \
        tests/e2e/test_{basics,broker,parallel,names,audit}.py
}

mkdir -p "$work"
if [ "$mode" != --fast ]; then
    step "packages"
    lists=(tests/packages.txt tests/packages-browser.txt)
    [ "$mode" != --full ] || lists+=(tests/packages-full.txt)
    must packages install_packages "${lists[@]}"
fi
step "python environment"
must venv make_venv
step "toxiproxy"
# Without it everything else is tested still, and the tests of the wire fail.
make_toxiproxy >"$work/toxiproxy.log" 2>&1 || cat "$work/toxiproxy.log"

step "build: release"
must build-release build "$PWD/build" -Dbench="$([ "$mode" = --full ] && echo true || echo false)"
[ "$mode" = --fast ] || build_ahead
step "format"
formatted=$(find src plugin tests -name '*.[ch]pp' | xargs clang-format --dry-run -Werror 2>&1) && passed=$((passed + 1)) || {
    failed=$((failed + 1))
    echo "$formatted" | head -n 20
}
py conventions "$PWD/build" tests/conventions
unit release "$PWD/build"
py cloud "$PWD/build" -n 2 tests/cloud
py e2e "$PWD/build" -n 6 tests/e2e
# Load and soak take three minutes and little of the processor; what runs beside them does not look at
# the clock, or not closely, and goes first.
(
    renice -n 10 "$BASHPID" >/dev/null
    run_pytest soak "$PWD/build" --soak-folder="$work/soak" tests/soak
) &
soak=$!
py package "$PWD/build" tests/package
# Needs the package (packaging/build-deb.sh); where no container boots it says so and counts as skipped.
py system "$PWD/build" -n 2 tests/system
step "soak"
status=0
wait "$soak" || status=$?
grep -E '^(\||burst|[0-9]+ s:)' "$work/soak.log"
say_pytest soak "$status"

if [ "$mode" != --fast ]; then
    built build-sanitizers "address and undefined behaviour sanitizers"
    unit sanitizers "$PWD/build-sanitizers"
    py e2e-sanitizers "$PWD/build-sanitizers" -n 5 -m "not release_only" tests/e2e
    threads
    built build-fuzz "fuzz targets"
    fuzz "$([ "$mode" = --full ] && echo 600 || echo 20)"
fi
if [ "$mode" = --full ]; then
    step "scan-build"
    rm -rf "$PWD/build-scan" # analysed while it is compiled, so all of it
    must scan-build-setup scan-build -o "$work/scan-build" meson setup "$PWD/build-scan" -Dtests=false -Db_lto=false \
        -Dbuildtype=plain
    must scan-build env CCACHE_DISABLE=1 scan-build --status-bugs --exclude /usr -o "$work/scan-build" \
        ninja -C "$PWD/build-scan"
    passed=$((passed + 1))
    step "clang-tidy"
    must clang-tidy bash -c "find src plugin -name '*.cpp' | xargs -P 2 -n 4 clang-tidy --quiet -p build"
    passed=$((passed + 1))
    step "benchmark"
    must bench "$venv/bin/python" tests/bench/bench.py --build "$PWD/build" --json "$work/bench.json"
    cat "$work/bench.log"
    for arch in arm64 armhf; do
        step "package and unit tests: $arch"
        must "package-$arch" packaging/build-deb.sh --arch "$arch" --tests --output "$PWD/build/deb"
        cat "$work/package-$arch.log"
        passed=$((passed + 1))
    done
fi
finish
