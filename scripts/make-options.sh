#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make-options.sh TARGET... -- NAME...
# Whether these targets of make take the options which its command line has, and whether each
# option is what it may be. Make has them all in the environment.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2034
WHO='make'

main() {
	local name target targets=() taken=
	while [ $# -gt 0 ] && [ "$1" != -- ]; do targets+=("$1"); shift; done
	[ $# -eq 0 ] || shift
	for target in "${targets[@]}"; do
		# Of a target which is not told of, all are taken that there are.
		taken+=" $(takes "$target" || echo "$OPTIONS") BUILD"
	done
	taken=$(tr -s ' \t\n' '\n' <<< "$taken" | sed '/^$/d' | sort -u | paste -sd' ')
	for name in "$@"; do
		[[ " $taken " = *" $name "* ]] || no_option "$name" "make ${targets[*]} takes $taken"
	done
	check_options
}

main "$@"
