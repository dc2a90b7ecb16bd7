#!/bin/sh
# The testnet's definition of done, typed: up, pay, kill one validator, pay again, restart it, it catches up, four identical states.
#
#     sh testnet/drill.sh [DIR]        DIR: where the network is made (default: a temporary folder, removed afterwards)
#
# Exit status: 0 all of it held, else that of the first command that failed. Needs mesh-testnet and mesh-wallet on PATH.
set -eu

if [ $# -gt 0 ]; then
    home=$1
else
    temporary=$(mktemp -d)
    home=$temporary/drill
fi
export MESH_HOME="$home"
running=

leave() {
    status=$?
    trap - EXIT INT TERM HUP
    if [ -n "$running" ]; then
        kill "$running" 2>/dev/null || true
        wait "$running" 2>/dev/null || true
    fi
    [ -z "${temporary:-}" ] || rm -rf "$temporary"
    exit "$status"
}
trap leave EXIT INT TERM HUP

step() { printf '\n== %s\n' "$1"; }

step 'four validators, and two wallets with money'
mesh-testnet init "$home" --wallet alice=10000 --wallet bob=0
mesh-testnet up "$home" >"$home/up.log" 2>&1 &
running=$!
tries=0
until mesh-testnet status >/dev/null 2>&1 && mesh-testnet audit >/dev/null 2>&1; do
    kill -0 "$running" 2>/dev/null || { cat "$home/up.log" >&2; exit 1; }
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || { echo 'the validators did not start within a minute' >&2; exit 1; }
    sleep 0.5
done

step 'alice pays bob'
mesh-wallet --wallet alice send --to bob --amount 500
mesh-wallet --wallet bob receive

step 'V3 is killed, as by a crash'
mesh-testnet kill V3

step 'alice pays bob again, through the three that are left'
mesh-wallet --wallet alice send --to bob --amount 250
mesh-wallet --wallet bob receive

step 'V3 starts again and fetches what it missed'
mesh-testnet start V3

step 'every log from the genesis on, four states, the supply'
tries=0
until mesh-testnet audit >"$home/audit.log" 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || { cat "$home/audit.log" >&2; exit 1; }
    sleep 0.5
done
cat "$home/audit.log"
mesh-wallet --wallet bob balance

step 'down'
mesh-testnet down
running=
printf '\nall of it held\n'
