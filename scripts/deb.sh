#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# deb.sh [CONFIG=path] [OUT=folder] [KERNEL_TREE=]
# A Debian package of the patched kernel for a real arm64 machine, from the configuration of that
# machine: its /boot/config-* or /proc/config.gz. Without CONFIG: of this machine, if it is arm64.
# Prints the package's path. The kernel is called ...-pkvm-its and stands beside those installed.
# Changed in the configuration: the name; KVM and the ITS are built in, or it would be of no use;
# no debugging information and no signing keys, which are of who made the configuration.
. "$(dirname "$0")/lib.sh"
parse_args "$@"
no_args

# A distribution's configuration takes two CPUs hours.
export KMAKE_LIMIT=43200
SRC=${SRC:-$LINUX}
OUT=$(realpath -m "${OUT:-$BUILD/deb}")

# The configuration to begin with.
given() {
	if [ -n "${CONFIG:-}" ]; then
		echo "$CONFIG"
	elif [ "$(uname -m)" = aarch64 ] && [ -r "/boot/config-$(uname -r)" ]; then
		echo "/boot/config-$(uname -r)"
	elif [ "$(uname -m)" = aarch64 ] && [ -r /proc/config.gz ]; then
		echo /proc/config.gz
	else
		die "CONFIG=path: the configuration of the arm64 machine, /boot/config-* or /proc/config.gz there"
	fi
}

text_of() { if gzip -t "$1" 2>/dev/null; then zcat "$1"; else cat "$1"; fi; }

check_given() {
	text_of "$1" | grep -q '^CONFIG_ARM64=y' || die "CONFIG=$1 is not the configuration of an arm64 kernel"
}

configure() {
	local set=("$SRC/scripts/config" --file "$OUT/out/.config")
	mkdir -p "$OUT/out"
	text_of "$1" > "$OUT/out/.config"
	"${set[@]}" --set-str LOCALVERSION -pkvm-its --disable LOCALVERSION_AUTO \
		--enable VIRTUALIZATION --enable KVM --enable ARM_GIC_V3_ITS \
		--enable DEBUG_INFO_NONE --disable DEBUG_INFO --disable DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT \
		--disable DEBUG_INFO_DWARF4 --disable DEBUG_INFO_DWARF5 --disable DEBUG_INFO_BTF \
		--set-str SYSTEM_TRUSTED_KEYS '' --set-str SYSTEM_REVOCATION_KEYS '' \
		--set-str MODULE_SIG_KEY certs/signing_key.pem --set-str BUILD_SALT ''
	kmake -C "$SRC" O="$OUT/out" olddefconfig
	"${set[@]}" --state KVM | grep -qx y || { echo "KVM is not to be had with this configuration"; return 1; }
}

build() {
	rm -f "$OUT"/*.deb
	kmake -C "$SRC" O="$OUT/out" KDEB_PKGVERSION="$(git -C "$SRC" show -s --format=%cd --date=format:%Y%m%d)-$(tree_hash "$SRC" | cut -c1-7)" \
		DPKG_FLAGS=-d DEB_BUILD_PROFILES="pkg.linux-upstream.nokernelheaders pkg.linux-upstream.nokerneldbg" bindeb-pkg
}

main() {
	local from deb
	from=$(given)
	check_given "$from"
	"$SCRIPTS/deps.sh" debhelper dpkg-dev
	[ "$SRC" != "$LINUX" ] || "$SCRIPTS/tree.sh" --soft
	exec 9>"$BUILD/deb.lock"
	flock -n 9 || die "another make deb is running here"
	logged "$BUILD/log/deb-config.log" "Configuring from $from" configure "$from"
	logged "$BUILD/log/deb.log" "Building the package" build
	# It also makes one of the headers of user space, which nobody here wants.
	rm -f "$OUT"/linux-libc-dev_*.deb
	deb=$(find "$OUT" -maxdepth 1 -name 'linux-image-*.deb' ! -name '*-dbg_*' -print -quit)
	[ -n "$deb" ] || die "no package in $OUT"
	say "On the machine: dpkg -i $(basename "$deb"), kvm-arm.mode=protected on the kernel's command line, reboot;"
	say "then /sys/kernel/debug/kvm/its says who owns each ITS, and the kernel log how the hand-over went."
	echo "$deb"
}

main
