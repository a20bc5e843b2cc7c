#!/bin/sh
# install.sh DIR: installs the auditor into a virtual environment of its own, in the versions that its tests run on, with
# nightly.sh beside it as auditor-nightly. PYTHON names another interpreter than python3.
set -eu
umask 022 # whoever installs it, others run it

[ $# -eq 1 ] || { echo "usage: install.sh DIR" >&2; exit 2; }
target=$1
checkout=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
versions=$(mktemp)
trap 'rm -f "$versions"' EXIT

# The lock's hashes would be demanded of the checkout too, which has none.
sed -n 's/^\([a-z].*==.*\) \\$/\1/p' "$checkout/requirements-dev.lock" >"$versions"
"${PYTHON:-python3}" -m venv "$target"
"$target/bin/pip" --disable-pip-version-check install --quiet --quiet --constraint "$versions" "$checkout"
cp "$checkout/deploy/nightly.sh" "$target/bin/auditor-nightly"
chmod 755 "$target/bin/auditor-nightly"
