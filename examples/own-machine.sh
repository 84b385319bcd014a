#!/bin/sh
# A machine of your own, placed on and looked at, and a sweep of a wafer that is known. Files are written where it runs.
#   sh examples/own-machine.sh
set -eu
here=$(dirname "$0")
moeplace() { ${MOEPLACE:-npx moeplace} "$@"; }

moeplace synth --preset deepseek-moe-16b --layers 2 --tokens 2048 -o trace.jsonl.gz
# Leave --solver out for the best that is found.
moeplace place trace.jsonl.gz --hardware "$here/own-machine.json" --solver mozart --holdout 0.25 -o p.json
# What binds a layer, and which constants that rests on.
moeplace schedule trace.jsonl.gz p.json --layer 1 --explain --svg layer.svg
# How much a link, memory and the number of chiplets matter on a wafer that is known.
moeplace sweep "$here/wafer-sweep.yaml" -o sweep.csv --report sweep.html
