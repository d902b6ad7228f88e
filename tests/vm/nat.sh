#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Pairs of the NAT laboratory with the kernel's own WireGuard: a home router's masquerade, and a NAT that needs a relay.
exec bash "$(dirname "$(readlink -f "$0")")/../nat/matrix.sh" --one-begins masq rand
