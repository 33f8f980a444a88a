#!/bin/bash
# fetch.sh base    downloads the kernel's source package, prints the .deb's path
# fetch.sh busybox downloads a static arm64 busybox, prints its path
# fetch.sh firmware downloads UEFI for QEMU's arm64 machine, prints its path
# Uses a private apt state: the system's configuration is read, never changed.
. "$(dirname "$0")/lib.sh"

PACKAGE=linux-source-7.3
SUITES=(trixie-backports forky sid)
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

mirrors() {
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		grep -v security | sort -u
}

# private_apt STATE ARCH apt-get arguments...
private_apt() {
	local state=$1 arch=$2
	shift 2
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	: > "$state/status"
	apt-get -q \
		-o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::Lists="$state/lists" -o Dir::State::status="$state/status" \
		-o Dir::Cache="$state/cache" -o APT::Sandbox::User="$(id -un)" \
		-o APT::Architecture="$arch" -o APT::Architectures="$arch" \
		-o Acquire::Retries=3 -o Acquire::http::Timeout=60 "$@" >&2
}

# download DIR ARCH PACKAGE SUITE...: the first mirror and suite which have it
download() {
	local dir=$1 arch=$2 pkg=$3 uri suite
	shift 3
	mkdir -p "$dir"
	for suite in "$@"; do
		for uri in $(mirrors); do
			echo "deb [arch=$arch signed-by=$KEYRING] $uri $suite main" > "$dir/sources.list"
			private_apt "$dir" "$arch" update || continue
			(cd "$dir" && private_apt "$dir" "$arch" download "$pkg") && return
		done
	done
	die "$pkg was not found in: $*"
}

newest() {
	mkdir -p "$1"
	find "$1" -maxdepth 1 -name "$2" -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 1 | cut -d' ' -f2-
}

fetch_base() {
	local dir=$CACHE/base deb
	deb=$(newest "$dir" "${PACKAGE}_*.deb")
	if [ -z "$deb" ]; then
		say "Downloading $PACKAGE"
		download "$dir" "$(dpkg --print-architecture)" "$PACKAGE" "${SUITES[@]}"
		deb=$(newest "$dir" "${PACKAGE}_*.deb")
	fi
	case $(dpkg-deb -f "$deb" Version) in
	7.3|7.3[.-]*) echo "$deb" ;;
	*) die "$deb is not a 7.3 kernel" ;;
	esac
}

codename() { . /etc/os-release && echo "$VERSION_CODENAME"; }

fetch_busybox() {
	local dir=$CACHE/busybox
	if [ ! -x "$dir/root/bin/busybox" ]; then
		say "Downloading busybox-static for arm64"
		download "$dir" arm64 busybox-static:arm64 "$(codename)" >&2
		rm -rf "$dir/root"
		dpkg -x "$(newest "$dir" 'busybox-static_*.deb')" "$dir/root"
	fi
	[ -x "$dir/root/bin/busybox" ] || die "no busybox in the package"
	echo "$dir/root/bin/busybox"
}

# The image of 2 MB, which QEMU's -bios takes; as a flash drive it would have to be padded to 64 MB.
fetch_firmware() {
	local dir=$CACHE/firmware out=$CACHE/firmware/QEMU_EFI.fd
	if [ ! -s "$out" ]; then
		say "Downloading qemu-efi-aarch64"
		download "$dir" "$(dpkg --print-architecture)" qemu-efi-aarch64 "$(codename)" >&2
		dpkg-deb --fsys-tarfile "$(newest "$dir" 'qemu-efi-aarch64_*.deb')" |
			tar -xO ./usr/share/qemu-efi-aarch64/QEMU_EFI.fd > "$out.new"
		mv "$out.new" "$out"
	fi
	[ -s "$out" ] || die "no QEMU_EFI.fd in the package"
	echo "$out"
}

mkdir -p "$CACHE"
exec 5>"$CACHE/fetch.lock"
flock -w 1800 5 || die "another download holds build/cache/fetch.lock"
case ${1:-} in
base) fetch_base ;;
busybox) fetch_busybox ;;
firmware) fetch_firmware ;;
*) die "usage: fetch.sh base|busybox|firmware" ;;
esac
