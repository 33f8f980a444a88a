#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fetch.sh base    downloads the kernel's source package, prints the .deb's path
# fetch.sh busybox downloads a static arm64 busybox, prints its path
# fetch.sh firmware downloads UEFI for QEMU's arm64 machine, prints its path
# fetch.sh cbmc    downloads CBMC, and the libraries it needs, prints the path of its programs
# fetch.sh cadical downloads a SAT solver for it, prints its path
# fetch.sh vmm     downloads QEMU for arm64, prints a folder with it, its libraries and their loader
# Uses a private apt state: the system's configuration is read, never changed.
. "$(dirname "$0")/lib.sh"

PACKAGE=linux-source-7.3
SUITES=(trixie-backports forky sid)
# Debian 12 has no CBMC. It runs beside the system, with the libraries it was built for.
CBMC_PACKAGES='cbmc libc6 libgcc-s1 libstdc++6 minisat zlib1g'
CBMC_SUITES=(trixie sid)
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

mirrors() {
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		grep -v security | sort -u
}

# private_apt STATE ARCH apt-get arguments...
private_apt() {
	local state=$1 arch=$2 tool=apt-get
	shift 2
	[ "$1" != pkgnames ] || tool=apt-cache
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	: > "$state/status"
	$tool -q \
		-o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::Lists="$state/lists" -o Dir::State::status="$state/status" \
		-o Dir::Cache="$state/cache" -o APT::Sandbox::User="$(id -un)" \
		-o APT::Architecture="$arch" -o APT::Architectures="$arch" \
		-o Acquire::Retries=3 -o Acquire::http::Timeout=60 -o APT::Update::Error-Mode=any "$@"
}

# not_found ANSWERED OTHERS PACKAGES SUITE...: why, and what to do
not_found() {
	[ -n "$1" ] || die "cannot download $3: no mirror of Debian answers. Is there a network, and a mirror" \
		"in apt's sources? What is in build/cache is not downloaded again"
	[ "$3" = "$PACKAGE" ] || die "$3 was not found in: ${*:4}"
	say "Debian has no $PACKAGE now. It has: $(tr ' ' '\n' <<< "$2" | sed '/^$/d' | sort -u | paste -sd' ')."
	say "The series is for ${PACKAGE##*-}: take a tree of that version, KERNEL_TREE=path, or put the package from"
	say "Debian's archive of snapshots into build/cache/base. To try it on another: KERNEL_TREE=path, too."
	die "no source of Linux ${PACKAGE##*-}"
}

# get DIR ARCH PACKAGE...: the packages alone or, if WHOLE is set, with all that they depend on
get() {
	local dir=$1 arch=$2
	shift 2
	if [ -z "${WHOLE:-}" ]; then
		(cd "$dir" && private_apt "$dir" "$arch" download "$@" >&2)
	else
		private_apt "$dir" "$arch" install -y --download-only --no-install-recommends "$@" >&2
	fi
}

# download DIR ARCH PACKAGES SUITE...: the first mirror and suite which have them
download() {
	local dir=$1 arch=$2 wanted=$3 pkgs=() uri suite answered='' others=''
	read -ra pkgs <<< "$3"
	shift 3
	mkdir -p "$dir"
	for suite in "$@"; do
		for uri in $(mirrors); do
			echo "deb [arch=$arch signed-by=$KEYRING] $uri $suite main" > "$dir/sources.list"
			private_apt "$dir" "$arch" update >&2 || continue
			answered=1
			[ "$wanted" != "$PACKAGE" ] || others+=" $(private_apt "$dir" "$arch" pkgnames linux-source- 2>/dev/null |
				grep -xE 'linux-source-[0-9.]+' | paste -sd' ')" || true
			get "$dir" "$arch" "${pkgs[@]}" && return
		done
	done
	not_found "$answered" "$others" "$wanted" "$@"
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

# Each program as a script that starts it with the loader and the libraries beside it.
wrap_cbmc() {
	local dir=$1 loader name
	loader=$(find "$dir/root/usr/lib" -name 'ld-linux*.so*' | head -n 1)
	[ -n "$loader" ] || die "no loader in libc6"
	mkdir -p "$dir/bin"
	for name in cbmc goto-cc goto-instrument; do
		printf '#!/bin/sh\nexec "%s" --library-path "%s:%s" "%s" "$@"\n' "$loader" \
			"$(dirname "$loader")" "$dir/root/usr/lib" "$dir/root/usr/bin/$name" > "$dir/bin/$name"
		chmod +x "$dir/bin/$name"
	done
}

fetch_cbmc() {
	local dir=$CACHE/cbmc deb
	if [ ! -x "$dir/root/usr/bin/cbmc" ]; then
		say "Downloading CBMC"
		rm -rf "$dir"
		download "$dir" "$(dpkg --print-architecture)" "$CBMC_PACKAGES" "${CBMC_SUITES[@]}"
		for deb in "$dir"/*.deb; do
			dpkg -x "$deb" "$dir/root"
		done
		rm -rf "$dir/lists"
	fi
	"$dir/bin/cbmc" --version > /dev/null 2>&1 || wrap_cbmc "$dir"
	"$dir/bin/cbmc" --version > /dev/null || die "CBMC does not run"
	echo "$dir/bin"
}

fetch_cadical() {
	local dir=$CACHE/cadical
	if [ ! -x "$dir/root/usr/bin/cadical" ]; then
		say "Downloading cadical"
		download "$dir" "$(dpkg --print-architecture)" cadical "$(codename)"
		rm -rf "$dir/root" "$dir/lists"
		dpkg -x "$(newest "$dir" 'cadical_*.deb')" "$dir/root"
	fi
	"$dir/root/usr/bin/cadical" --version > /dev/null || die "cadical does not run"
	echo "$dir/root/usr/bin/cadical"
}

# needed FILE...: the names of the libraries which these are linked against
needed() { readelf -d "$@" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u; }

# libraries FROM TO: into TO, from the unpacked packages, what the files there need, until nothing lacks
libraries() {
	local from=$1 to=$2 name found more=1
	while [ -n "$more" ]; do
		more=
		for name in $(needed "$to"/*); do
			[ ! -e "$to/$name" ] || continue
			found=$(find "$from/lib" "$from/usr/lib" -maxdepth 2 -name "$name" -print -quit)
			[ -n "$found" ] || die "$name is in none of the packages"
			cp -L "$found" "$to/$name"
			more=1
		done
	done
}

# About a quarter of what the packages have: no documentation, no firmware.
fetch_vmm() {
	local dir=$CACHE/vmm deb
	if [ ! -d "$dir/bin" ]; then
		say "Downloading QEMU for arm64"
		rm -rf "$dir"
		WHOLE=1 download "$dir" arm64 qemu-system-arm "$(codename)"
		mkdir -p "$dir/root" "$dir/bin.new"
		for deb in "$dir"/cache/archives/*.deb; do
			dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$dir/root" --exclude='./usr/share'
		done
		cp "$dir/root/usr/bin/qemu-system-aarch64" "$dir/bin.new/"
		libraries "$dir/root" "$dir/bin.new"
		rm -rf "$dir/root" "$dir/lists" "$dir/cache"
		mv "$dir/bin.new" "$dir/bin"
	fi
	echo "$dir/bin"
}

mkdir -p "$CACHE"
exec 5>"$CACHE/fetch.lock"
lock_or_wait 5 1800 "another download (build/cache/fetch.lock)"
case ${1:-} in
base) fetch_base ;;
busybox) fetch_busybox ;;
firmware) fetch_firmware ;;
cbmc) fetch_cbmc ;;
cadical) fetch_cadical ;;
vmm) fetch_vmm ;;
*) die "usage: fetch.sh base|busybox|firmware|cbmc|cadical|vmm" ;;
esac
