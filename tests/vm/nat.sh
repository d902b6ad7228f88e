#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Pairs of the NAT laboratory with the kernel's own WireGuard: a home router's masquerade, a NAT that needs a relay, and a bad link
# of which one end moves all the time while a new session is made.
# usage: tests/vm/nat.sh [KIND...]     those pairs alone, where they stand
[ $# -gt 0 ] || set -- --moves masq rand cone
exec bash "$(dirname "$(readlink -f "$0")")/../nat/matrix.sh" "$@"
