#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# initramfs.sh [guest/path=host/path ...]
# Prints the path of an initramfs: busybox, tests/guest, and the given files.
. "$(dirname "$0")/lib.sh"

key() {
	{
		sha256sum < "$BUSYBOX"
		cat "$ROOT"/tests/guest/* "$0"
		local pair
		for pair in "$@"; do
			echo "$pair"
			find "${pair#*=}" -type f -print0 | sort -z | xargs -0 sha256sum
		done
	} | sha256sum | cut -c1-16
}

fill() {
	local root=$1 pair
	shift
	mkdir -p "$root"/{bin,dev,lib,proc,sys,tests,tmp}
	cp "$BUSYBOX" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	cp "$ROOT"/tests/guest/* "$root/tests/"
	mv "$root/tests/init" "$root/init"
	chmod -R a+rX "$root"
	chmod +x "$root/init"
	for pair in "$@"; do
		mkdir -p "$root/$(dirname "${pair%%=*}")"
		cp -rL "${pair#*=}" "$root/${pair%%=*}"
	done
}

main() {
	local out tmp
	BUSYBOX=$("$SCRIPTS/fetch.sh" busybox)
	out=$BUILD/initramfs/$(key "$@").cpio
	if [ ! -f "$out" ]; then
		mkdir -p "$BUILD/initramfs"
		tmp=$(mktemp -d "$BUILD/initramfs/tmp.XXXXXX")
		fill "$tmp/root" "$@"
		(cd "$tmp/root" && find . | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) > "$tmp/cpio"
		mv "$tmp/cpio" "$out"
		rm -rf "$tmp"
	fi
	echo "$out"
}

main "$@"
