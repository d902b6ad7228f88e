#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sign-ins at a real OpenID provider through a real browser, all on loopback. Screenshots and the server's log go to
# build/test/identity.
# usage: tests/identity/identity.sh
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../..")
driver=${KERNMESH_BIN:-$root/build/bin}/signin_driver
[ -x "$driver" ] || { echo "identity.sh: no $driver: ci/build release -- signin_driver" >&2; exit 1; }
chromium=$(command -v chromium-headless-shell || command -v chromium) ||
	{ echo "identity.sh: no Chromium: sudo ci/deps" >&2; exit 1; }
# Exactly what package-lock.json names, by its hashes; scripts of packages are not run.
if [ ! -e "$here/node_modules/.package-lock.json" ] || [ "$here/package-lock.json" -nt "$here/node_modules/.package-lock.json" ]; then
	(cd "$here" && npm ci --ignore-scripts --no-audit --no-fund)
fi
exec node "$here/identity.mjs" "$driver" "$chromium" "$root/build/test/identity"
