# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by lib.sh: what each option may be, and which options a target of make takes.

# rule NAME: RULE, a regular expression, and IS, the same in words; fails if there is none
rule() {
	RULE='.*' IS=
	case $1 in
	PAGE_SIZE) RULE='4k|16k|64k' IS='4k, 16k or 64k' ;;
	GIC) RULE='3|4' IS='3 or 4' ;;
	SMP) RULE='[1-9][0-9]{0,3}' IS="1 to $(max_cpus) CPUs" ;;
	ACPI) RULE='1|gicc' IS='1 or gicc' ;;
	CPU) RULE="($(cpu_names | paste -sd'|'))(,.+)?" IS="$(cpu_names | paste -sd' ')" ;;
	STOCK | KVM | EL2_DEBUG | FORCE | GDB | CONSOLE | UPDATE | ALL) RULE='0|1' IS='0 or 1' ;;
	CHECK) RULE='1' IS='1 or nothing' ;;
	MUTANTS) RULE='[0-9]+(/[1-9][0-9]*)?' IS='0, 1 or n/of' ;;
	SHIFT) RULE='12|14|16' IS='12, 14 or 16, for pages of 4k, 16k or 64k' ;;
	V) RULE='0|[1-9][0-9]*' IS='a number' ;;
	T | LIMIT) RULE='[1-9][0-9]*' IS='a number of seconds' ;;
	TAIL | ACTIONS) RULE='[1-9][0-9]*' IS='a number' ;;
	MEM) RULE='[1-9][0-9]*[MG]' IS='a size such as 1G or 512M' ;;
	ROOT_PORTS) RULE='rng|late' IS='rng or late' ;;
	ITS_NODE) RULE='absent|broken|disabled|ignored' IS='absent, broken, disabled or ignored' ;;
	SIGNOFF) RULE='[^<]+ <[^@> ]+@[^> ]+>' IS="'Name <mail>'" ;;
	PART) RULE="$(part_numbers)" IS="one of: $(part_names 2>/dev/null | paste -sd' ')" ;;
	IMAGE | STOCK_IMAGE | OPEN_IMAGE | NOKVM_IMAGE | NOKVM_STOCK_IMAGE | CONFIG) IS='a file that is there' ;;
	KERNEL_TREE) IS='a folder with a kernel' ;;
	SRC | SELFTESTS) IS='a folder that is there' ;;
	OUT) IS='where you may write' ;;
	QEMU) IS='a qemu-system-aarch64' ;;
	APPEND | ARGS_GUEST | BUILD | JOBS | EXPECTED | EXTRA | FILES | LINUX | O | ONLY | PREFIX | QMP | RAM | \
		SEED | SINCE | TEST | TRACE) ;;
	*) return 1 ;;
	esac
}

OPTIONS='PAGE_SIZE GIC SMP ACPI CPU STOCK KVM EL2_DEBUG FORCE GDB CONSOLE UPDATE ALL JOBS CHECK MUTANTS SHIFT V T LIMIT TAIL ACTIONS MEM
	ROOT_PORTS ITS_NODE SIGNOFF PART IMAGE STOCK_IMAGE OPEN_IMAGE NOKVM_IMAGE NOKVM_STOCK_IMAGE CONFIG
	KERNEL_TREE SRC SELFTESTS OUT QEMU APPEND ARGS_GUEST BUILD EXPECTED EXTRA FILES LINUX O ONLY PREFIX
	QMP RAM SEED SINCE TEST TRACE'

# takes TARGET: the options of this target of make; fails if nothing is known of it
takes() {
	local image='PAGE_SIZE KERNEL_TREE STOCK KVM EL2_DEBUG ACPI CHECK'
	local machine='GIC CPU SMP MEM IMAGE QEMU'
	case $1 in
	boot) echo "$image $machine LIMIT OUT APPEND EXTRA ROOT_PORTS ITS_NODE" ;;
	shell) echo "$image $machine GDB APPEND EXTRA ROOT_PORTS ITS_NODE SELFTESTS" ;;
	guest) echo "PAGE_SIZE KERNEL_TREE $machine APPEND EXTRA" ;;
	selftests) echo "PAGE_SIZE KERNEL_TREE $machine STOCK_IMAGE SELFTESTS LIMIT ONLY" ;;
	test) echo "ALL KERNEL_TREE" ;;
	bench) echo "IMAGE STOCK_IMAGE NOKVM_IMAGE NOKVM_STOCK_IMAGE KERNEL_TREE" ;;
	fuzz) echo "T SHIFT KERNEL_TREE" ;;
	prove) echo "PAGE_SIZE ALL ONLY UPDATE JOBS MUTANTS KERNEL_TREE" ;;
	image) echo "$image GDB" ;;
	deb) echo "CONFIG KERNEL_TREE OUT" ;;
	tree) echo "KERNEL_TREE" ;;
	export) echo "FORCE" ;;
	series) echo "PART SIGNOFF OUT V SINCE PREFIX" ;;
	b4) echo "PART SIGNOFF V" ;;
	clean | help | options) ;;
	*) return 1 ;;
	esac
}

max_cpus() { sed -n 's/^CONFIG_NR_CPUS=//p' "$ROOT/configs/kernel.config"; }

part_numbers() { part_names 2>/dev/null | sed 's/^\([0-9]*\).*/&|\1/' | paste -sd'|'; }

# The 64-bit ones which have EL2 and, of these, those that QEMU has; it may not be there yet.
cpu_names() {
	local known='max|cortex-a(35|53|55|57|72|76|78ae|710)|neoverse-(n1|n2|v1)|a64fx' names=
	names=$("${QEMU:-qemu-system-aarch64}" -cpu help 2>/dev/null | tr -s ' ' '\n' | grep -xE "$known") || true
	echo "${names:-$(printf 'cortex-a53\ncortex-a76\nmax')}"
}

# like NAME: the option which was perhaps meant
like() {
	local name wanted
	wanted=$(tr -d '_-' <<< "${1^^}")
	for name in $OPTIONS; do
		[ "${name//_/}" != "$wanted" ] || { echo "$name"; return; }
	done
}

# no_option NAME [THOSE THERE ARE]
no_option() {
	local meant
	meant=$(like "$1")
	if [ -n "$meant" ] && [ "$meant" != "$1" ]; then
		die "there is no option $1: $meant is meant?"
	elif [ -n "${2:-}" ]; then
		die "$1 is no option here: $2"
	fi
	die "there is no option $1: see --help"
}

# Something that is there and may be written, or may be made in a folder which is there.
may_write() {
	local path=$1
	while [ ! -e "$path" ]; do path=$(dirname "$path"); done
	[ -w "$path" ] && { [ -d "$path" ] || [ "$path" = "$1" ]; }
}

is_kernel() {
	{ cat "$1/Makefile" || git_of "$1" show HEAD:Makefile; } 2>/dev/null | grep -q '^PATCHLEVEL = '
}

# check_value NAME: one that is not set, or empty, is none
check_value() {
	local name=$1 value=${!1:-} RULE IS bad=
	[ -n "$value" ] && rule "$name" || return 0
	case $name in
	CPU)
		local each
		# tests/attack-its.sh takes several.
		for each in $value; do [[ $each =~ ^($RULE)$ ]] || bad=1; done ;;
	SMP) [[ $value =~ ^($RULE)$ ]] && [ "$value" -le "$(max_cpus)" ] || bad=1 ;;
	IMAGE | *_IMAGE | CONFIG) [ -f "$value" ] || bad=1 ;;
	SRC | SELFTESTS) [ -d "$value" ] || bad=1 ;;
	KERNEL_TREE) [ "$value" = debian ] || is_kernel "$(tree_path "$value")" || bad=1 ;;
	OUT) may_write "$value" || bad=1 ;;
	QEMU) command -v "$value" > /dev/null || bad=1 ;;
	*) [[ $value =~ ^($RULE)$ ]] || bad=1 ;;
	esac
	[ -z "$bad" ] || die "$name is $IS, not '$value'"
}

# What only makes sense together.
check_together() {
	case ${PAGE_SIZE:-}:${CPU:-} in
	16k:*cortex-a53* | 16k:*cortex-a57* | 16k:*cortex-a72*) die "${CPU%%,*} has no 16k pages: CPU=cortex-a76 or max" ;;
	esac
	[ -z "${ACPI:-}" ] || [ -z "${ITS_NODE:-}" ] || die "ITS_NODE is of the device tree, not of ACPI"
}

# check_options: all that are set, by an argument or in the environment; once, as scripts call each other
check_options() {
	local name now=
	for name in $OPTIONS; do now+=" $name=${!name:-}"; done
	[ "$now" != "${OPTIONS_CHECKED:-}" ] || return 0
	for name in $OPTIONS; do check_value "$name"; done
	check_together
	export OPTIONS_CHECKED=$now
}
