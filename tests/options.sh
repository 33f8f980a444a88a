#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# options.sh: each command line that is wrong ends at once, with one line that says what is
# allowed; those that are right go on. Nothing is fetched or built. "ok ..." or "not ok ..." for each.
. "$(dirname "$0")/../scripts/lib.sh"

failed=0
empty=$BUILD/test/options
rm -rf "$empty"
mkdir -p "$empty"

# wrong WORDS COMMAND...: fails, says these words in its first line, and leaves no trace
wrong() {
	local words=$1 out status=0
	shift
	out=$(cd "$ROOT" && BUILD=$empty timeout 30 "$@" 2>&1) || status=$?
	if [ "$status" -ne 0 ] && [ "$status" -ne 124 ] && [[ $(head -n 1 <<< "$out") = *"$words"* ]] &&
	   [ "$(grep -vc '^make' <<< "$(tail -n +2 <<< "$out")")" -le "${LINES_MORE:-1}" ] && [ -z "$(ls -A "$empty")" ]; then
		echo "ok options: $(printf '%q ' "$@" | sed "s#$ROOT/##")"
	else
		echo "not ok options: $* ($status)"
		head -n 5 <<< "$out" | sed 's/^/  /'
		ls -A "$empty" | sed 's/^/  left behind: /'
		rm -rf "${empty:?}"/*
		failed=1
	fi
}

right() {
	if (cd "$ROOT" && BUILD=$empty timeout 30 scripts/make-options.sh "$@") > "$empty.log" 2>&1; then
		echo "ok options: make ${*/-- /}"
	else
		echo "not ok options: make $*: $(head -n 1 "$empty.log")"
		failed=1
	fi
}

unset PAGE_SIZE GIC CPU SMP IMAGE KERNEL_TREE PART SIGNOFF OPTIONS_CHECKED
wrong "GIC is 3 or 4" make boot GIC=5
wrong "CPU is " make boot CPU=foo
wrong "SMP is 1 to" make boot SMP=abc
wrong "SMP is 1 to" make boot SMP=0
wrong "SMP is 1 to" make boot SMP=9999
wrong "PAGE_SIZE is meant" make boot PAGESIZE=64k
wrong "GIC is meant" make boot gic=4
wrong "FOO is no option here" make boot FOO=1
wrong "PAGE_SIZE is 4k, 16k or 64k" make image PAGE_SIZE=8k
wrong "has no 16k pages" make boot PAGE_SIZE=16k CPU=cortex-a53
wrong "ACPI is 1 or gicc" make boot ACPI=2
wrong "STOCK is 0 or 1" make image STOCK=yes
wrong "KVM is 0 or 1" make image KVM=n
wrong "EL2_DEBUG is 0 or 1" make image EL2_DEBUG=2
wrong "CHECK is 1" make image CHECK=0
wrong "KERNEL_TREE is a folder with a kernel" make tree KERNEL_TREE="$ROOT"
wrong "IMAGE is a file" make boot IMAGE=/nowhere
wrong "GIC is no option here" make test GIC=4
wrong "ALL is 0 or 1" make test ALL=yes
wrong "T is a number of seconds" make fuzz T=long
wrong "SHIFT is 12, 14 or 16" make fuzz SHIFT=13
wrong "PART is one of: 0-irqchip" make series PART=99
wrong "SIGNOFF is 'Name <mail>'" make series PART=1 SIGNOFF=me
wrong "V is a number" make series PART=1 V=two
wrong "FORCE is 0 or 1" make export FORCE=really
wrong "FORCE is no option here" make clean FORCE=1
wrong "LIMIT is a number of seconds" make selftests LIMIT=1m
wrong "GDB is 0 or 1" make shell GDB=yes
wrong "GDB is no option here" make guest GDB=1
wrong "CONFIG is a file" make deb CONFIG=/nowhere
wrong "ITS_NODE is absent, broken" scripts/boot.sh ITS_NODE=odd
wrong "MEM is a size" scripts/boot.sh MEM=much
wrong "takes no argument" scripts/boot.sh GIC=3 quickly
wrong "GIC is meant" scripts/boot.sh Gic=4
wrong "no group matrices" scripts/test.sh matrices
wrong "no such kind: plane" tests/attack-its.sh plane
wrong "usage: run-test.sh NAME" scripts/run-test.sh nothing
right boot -- PAGE_SIZE GIC
PAGE_SIZE=16k CPU=max,lpa2=off GIC=4 SMP=8 right boot -- PAGE_SIZE CPU GIC SMP
PART=1-its SIGNOFF='A Sender <sender@example.org>' V=2 SINCE=v1 right series -- PART SIGNOFF V SINCE
right boot test -- ALL GIC
rm -rf "$empty" "$empty.log"
exit $failed
