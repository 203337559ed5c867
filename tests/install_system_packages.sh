#!/usr/bin/env bash
# Installs the programs that tests drive for real: a browser for the web UI, the sandbox, and compilers for it.
set -euo pipefail

missing=()
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
command -v bwrap >/dev/null || missing+=(bubblewrap)
command -v g++ >/dev/null || missing+=(g++)
command -v node >/dev/null || missing+=(nodejs)

if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "error: the tests need ${missing[*]}; install them with your package manager and run again." >&2
  exit 1
fi
run=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "error: the tests need ${missing[*]}; run as root: apt-get install ${missing[*]}" >&2; exit 1; }
  run=(sudo)
fi
echo "Installing ${missing[*]} for the tests"
"${run[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
