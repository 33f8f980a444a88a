#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# deps.sh [PACKAGE...]
# Installs what is missing from a bare Debian 12, and these. Quick when nothing is.
. "$(dirname "$0")/lib.sh"

PACKAGES=(
	bc binutils bison bzip2 ca-certificates cpio device-tree-compiler diffutils flex
	gcc git kmod libc6-dev libelf-dev libssl-dev
	make patch perl procps python3 qemu-system-arm rsync sparse xz-utils
)
[ -z "$CROSS" ] || PACKAGES+=(binutils-aarch64-linux-gnu gcc-aarch64-linux-gnu libc6-dev-arm64-cross)

missing_packages() {
	local pkg
	for pkg in "${PACKAGES[@]}" "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$pkg" 2>/dev/null)" = installed ] || echo "$pkg"
	done
}

main() {
	local missing as_root=()
	command -v dpkg-query >/dev/null || die "Debian's dpkg is needed"
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		if sudo -n true 2>/dev/null; then
			as_root=(sudo -n)
		else
			say "Packages are missing. Please run:"
			say "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
			exit 1
		fi
	fi
	say "Installing: ${missing[*]}"
	"${as_root[@]}" apt-get update -q >&2 && apt-cache show "${missing[0]}" >/dev/null 2>&1 ||
		die "packages are missing, and Debian's archive does not answer: ${missing[*]}"
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -q --no-install-recommends "${missing[@]}" >&2 ||
		die "apt-get could not install: ${missing[*]}"
}

main "$@"
