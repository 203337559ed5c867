#!/usr/bin/env bash
# Makes an environment for verl, which needs an older transformers than this package: FOLDER has what
# verl_requirements.txt lists, and behind it all packages of the environment of PYTHON, so that nothing large is twice.
set -euo pipefail

python=${1:?usage: install_verl.sh PYTHON FOLDER}
folder=${2:?usage: install_verl.sh PYTHON FOLDER}
if ! "$python" -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then
  echo "note: verl 0.9 has no release for Python 3.13 and newer; its tests are left out"
  exit 0
fi
echo "Installing verl into $folder"
"$python" -m venv --clear --without-pip "$folder"
"$python" -m pip --python "$folder/bin/python" install --quiet --no-compile --no-deps \
  --requirement "$(dirname "$0")/verl_requirements.txt"
# Last, because pip would take the packages behind for its own and remove them.
packages='import sysconfig; print(sysconfig.get_path("purelib"))'
"$python" -c "$packages" > "$("$folder/bin/python" -c "$packages")/packages_behind.pth"
