#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `meshadm completion` prints, used by the shells themselves: bash, zsh in a terminal of its own, fish.
# usage: tests/shell/completion.sh [DIRECTORY_OF_MESHADM]     needs zsh and fish (ci/deps)
set -u
cd "$(dirname "$(readlink -f "$0")")/../.."
PATH=$(readlink -f "${1:-build/bin}"):$PATH
failed=0
# What zsh shows from the typed line on until the pattern is there; nothing when it does not come.
in_zsh() { # LINE PATTERN
	timeout 60 zsh -f -c '
		zmodload zsh/zpty
		zpty shell zsh -f -i
		zpty -w shell "PS1=; autoload -U compinit; compinit -u; source <(meshadm completion zsh); print \$((6 * 7))ready"
		zpty -r shell screen "*42ready*" || exit 1
		zpty -w -n shell "$1"$'"'\\t\\t'"'
		zpty -r shell screen "*$2*" && print -r -- $screen' zsh "$@"
}
in_bash() { # WORDS
	bash --norc -c 'source <(meshadm completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
		$(complete -p meshadm | sed "s/.*-F \([^ ]*\).*/\1/") meshadm "${!#}" "${*: -2:1}"; echo "${COMPREPLY[@]}"' bash "$@"
}
expect() { # WHAT OUTPUT WORD...
	local what=$1 output=$2 word; shift 2
	for word in "$@"; do
		[[ $output == *"$word"* ]] || { echo "FAIL  $what: no $word in: $output"; failed=1; return; }
	done
	echo "ok    $what"
}
expect "bash completes a command" "$(in_bash meshadm pol)" policy
expect "bash lists subcommands" "$(in_bash meshadm policy '')" check explain revert
expect "zsh completes a command" "$(in_zsh 'meshadm pol' 'meshadm policy')" "meshadm policy"
expect "zsh lists subcommands" "$(in_zsh 'meshadm policy ' 'revert')" check explain revert
expect "fish completes a command" "$(fish --no-config -c 'meshadm completion fish | source; complete -C "meshadm pol"')" policy
expect "fish lists subcommands" "$(fish --no-config -c 'meshadm completion fish | source; complete -C "meshadm policy "')" check explain revert
exit $failed
