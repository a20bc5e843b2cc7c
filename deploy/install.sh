#!/bin/sh
# install.sh DIR: installs the auditor into a new virtual environment, with the dependency versions of its tests, and
# nightly.sh as auditor-nightly. PYTHON selects an interpreter other than python3.
set -eu
umask 022 # other users than the installing one run it

[ $# -eq 1 ] || { echo "usage: install.sh DIR" >&2; exit 2; }
target=$1
checkout=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
versions=$(mktemp)
trap 'rm -f "$versions"' EXIT

# Without the hashes of the lock file: pip would require one for the checkout too, which has none. As environment
# variables, because an option does not apply to the build of the checkout; pip 25.3 and later read the second one for it.
sed -n 's/^\([a-z].*==.*\) \\$/\1/p' "$checkout/requirements-dev.lock" >"$versions"
"${PYTHON:-python3}" -m venv "$target"
PIP_CONSTRAINT=$versions PIP_BUILD_CONSTRAINT=$versions \
  "$target/bin/pip" --disable-pip-version-check install --quiet --quiet "$checkout"
cp "$checkout/deploy/nightly.sh" "$target/bin/auditor-nightly"
chmod 755 "$target/bin/auditor-nightly"
