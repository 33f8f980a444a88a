#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Everything: the series, the builds, the guests. One line per check, as TAP has it, with the
# plan at the end; the last line is "N passed, N failed". test.sh NAME... runs only these groups:
# options series sizes checkpatch docs warnings walk builds model prove matrix attacks guests
# What takes long is not all done each time, but a share of it: which one differs from one state of
# the series to the next. ALL=1: all of it. Then each patch is linked and booted by itself, and not
# only every other part's last one, with one in eight of the rest compiled; sparse reads the end of
# each part; each mutant of the model and the proofs has its turn; there are 16k pages, a kernel
# without KVM that boots, and every selftest on every machine.
# Nor is anything of model, prove and guests begun after 75 minutes, for a CI that waits 90 and no
# longer: each that is left out then has a line "# skip", and counts as neither passed nor failed.
# What needs one CPU only runs beside the builds of walk and builds, if these are asked for.
. "$(dirname "$0")/lib.sh"
parse_args "$@"

WALK=$BUILD/walk
TREE=$WALK/linux
RESULTS=$BUILD/test/results
JOBS=$BUILD/test/jobs
SECONDS_OF=$BUILD/test/seconds
LEFT_OUT=$BUILD/test/left-out
BEGAN=$(date +%s)
PARALLEL=2
MOST_SECONDS=4500
BESIDE=(options series sizes checkpatch docs warnings)
QUEUED=(model prove matrix attacks guests)
CPUS=(cortex-a53 max)
PAGE_SIZES=(4k 64k)
GICS=(3 4)
SLOW='^model|^prove|\<max\>|\<real guest\>'
declare -A IMAGES

everything() { [ "${ALL:-0}" = 1 ]; }
! everything || PAGE_SIZES=(4k 16k 64k)

record() { echo "$*" | tee -a "$RESULTS"; }
ok() { record "ok - $*"; }
not_ok() { record "not ok - $*"; }
step() { say ""; say "## $* ($(date -u +%T))"; }

# check "what" command...: the command's output is shown when it fails
check() {
	local what=$1 log status=0
	log=$(mktemp "$BUILD/test/check.XXXXXX")
	shift
	if "$@" > "$log" 2>&1; then
		ok "$what"
	else
		status=1
		not_ok "$what"
		tail -n 30 "$log" | sed 's/^/  /'
	fi
	rm -f "$log"
	return $status
}

w() { fixed_git -C "$TREE" "$@"; }

# Those of 4k pages have ACPI, and what else a row here wants, too. It is one
# build less, and the others are as make boot has them.
with_acpi() { if [ "${PAGE_SIZE:-4k}" = 4k ]; then echo 1; fi; }

# walk_image [FOLDER [SEED]]: of $TREE
walk_image() {
	SRC=$TREE OUT=$WALK/out/${1:-4k} SEED=${2:-} PAGE_SIZE=${PAGE_SIZE:-4k} STOCK=0 \
	KVM=${KVM:-1} EL2_DEBUG=${EL2_DEBUG:-1} ACPI=$(with_acpi) CHECK=${CHECK:-} "$SCRIPTS/image.sh"
}

# A clone of its own, at the base: build/linux is someone's desk.
tree_at_base() {
	local base
	base=$(git -C "$LINUX" rev-parse 'base^{commit}')
	if ! w rev-parse -q --verify "$base^{commit}" >/dev/null 2>&1; then
		rm -rf "$TREE" "$(dirname "$TREE")/out"
		git clone -q --shared --no-checkout "$LINUX" "$TREE"
	fi
	w am --abort 2>/dev/null || true
	w -c advice.detachedHead=false checkout -q --detach -f "$base"
	w reset -q --hard "$base"
	w clean -qfd
}

apply_part() {
	local list
	mapfile -t list < <(part_patches "$1")
	w am -q "${list[@]}"
}

# tree_at_head: with the whole series, files untouched when it is there already
tree_at_head() {
	local part
	[ "$(w rev-parse 'HEAD^{tree}' 2>/dev/null)" != "$(git -C "$LINUX" rev-parse 'HEAD^{tree}')" ] || return 0
	tree_at_base
	for part in $(part_names); do apply_part "$part"; done
}

# has_texts PART: a cover letter with a subject, a text and the link to the RFC; answers to its review
has_texts() {
	local dir=$PATCHES/$1
	[ -s "$dir/cover.txt" ] && [ -s "$dir/review.md" ] || return 1
	[ "$(wc -L < "$dir/cover.txt")" -le 80 ] && [ -z "$(sed -n 2p "$dir/cover.txt")" ] &&
		grep -q '^Link: https://lore.kernel.org/' "$dir/cover.txt"
}

# mails_of PART: they apply behind those of the parts before it
mails_of() {
	local out=$BUILD/test/mails/$1 list
	"$SCRIPTS/series.sh" PART="$1" SIGNOFF='A Sender <sender@example.org>' OUT="$out" V=1 || return 1
	mapfile -t list < <(find "$out" -name '*.patch' ! -name '*-0000-cover-letter.patch' | sort)
	w am -q "${list[@]}"
}

test_series() {
	local part
	step "The series"
	check "patches/ is what patches/parts says" check_parts || return 0
	check "build/linux has nothing uncommitted" \
		test -z "$(uncommitted "$LINUX")" || true
	check "the exported files equal the series" "$SCRIPTS/export.sh" --check || true
	tree_at_base
	for part in $(part_names); do
		check "part $part applies to Linux $(make -s -C "$TREE" kernelversion)" apply_part "$part" || return 0
		check "part $part has a cover letter and answers to its review" has_texts "$part" || true
	done
	check "the applied series is build/linux" \
		test "$(w rev-parse 'HEAD^{tree}')" = "$(git -C "$LINUX" rev-parse 'HEAD^{tree}')" || true
	tree_at_base
	rm -rf "$BUILD/test/mails"
	for part in $(part_names); do
		check "the mails of part $part are written and apply" mails_of "$part" || return 0
	done
	check "what is sent is build/linux but for MAINTAINERS" \
		w diff --quiet "$(git -C "$LINUX" rev-parse HEAD)" HEAD -- . ':!MAINTAINERS' || true
}

test_sizes() {
	local log=$BUILD/test/sizes status=0
	step "Sizes"
	"$SCRIPTS/sizes.sh" > "$log" || status=$?
	grep -v '^\(not \)\?ok ' "$log" || true
	grep '^\(not \)\?ok ' "$log" | tee -a "$RESULTS" || true
	[ "$status" -eq 0 ] || grep -q '^not ok ' "$log" || not_ok "sizes.sh exits with $status"
}

# While the next one builds, which hardly needs the second CPU; one at a time.
boot_beside() {
	[ -z "${BOOTING:-}" ] || wait "$BOOTING" || true
	BOOTING=
	[ $# -gt 0 ] || return 0
	check "$@" &
	BOOTING=$!
}

# part_end PART IMAGE: the series may stop here, with the selftest it has by then
part_end() {
	local part=$1 image=$2 selftests
	[ -f "$TREE/tools/testing/selftests/kvm/arm64/its_shadow.c" ] || { echo "# $part has no its_shadow yet"; return 0; }
	selftests=$("$SCRIPTS/selftests.sh" SRC="$TREE" its_shadow) || { not_ok "its_shadow builds at the end of $part"; return 0; }
	boot_beside "its_shadow at the end of $part" "$SCRIPTS/run-test.sh" selftests its_shadow STOCK=1 \
		SELFTESTS="$selftests" IMAGE="$image" CPU=cortex-a53
}

# turn OF: 1 to OF, as the series has it
turn() { echo $((0x$(patches_hash | cut -c1-8) % $1 + 1)); }

# share OF: the argument that picks one in OF, or all
share() { if everything; then echo 1/1; else echo "$(turn "$1")/$1"; fi; }

# ends: the last patches of those parts where a kernel is linked and booted: every other one, and
# the last. A kernel for each patch takes as long as all the rest.
ends() {
	local part nr=0
	for part in $(part_names); do
		nr=$((nr + 1))
		[ $((nr % 2 + 1)) != "$(turn 2)" ] || part_patches "$part" | tail -n 1
	done
	part_patches "$part" | tail -n 1
}

is_walked() { everything || ends | grep -qxF "$1"; }

# What the series touches of a kernel that was built before.
compile_only() {
	local out=$WALK/out/4k dirs
	mapfile -t dirs < <(touched_dirs)
	kmake -C "$TREE" O="$out" KCONFIG_ALLCONFIG="$out/fragment" olddefconfig &&
		kmake -C "$TREE" O="$out" "${dirs[@]}"
}

# The same without KVM: nearly all of a kernel changes with it.
compile_nokvm() {
	local out=$WALK/out/nokvm dirs
	mapfile -t dirs < <(touched_dirs | grep -v '^arch/arm64/kvm/')
	mkdir -p "$out"
	cat "$ROOT"/configs/{kernel,4k,nokvm}.config > "$out/fragment"
	kmake -C "$TREE" O="$out" KCONFIG_ALLCONFIG="$out/fragment" allnoconfig &&
		! grep -q '^CONFIG_KVM=y' "$out/.config" && kmake -C "$TREE" O="$out" "${dirs[@]}"
}

walk_part() {
	local part=$1 patch subject image=
	for patch in $(part_patches "$part"); do
		subject=$part/$(basename "$patch" .patch)
		w am -q "$patch" || { not_ok "$subject applies"; return 1; }
		WALKED=$((WALKED + 1))
		if ! is_walked "$patch"; then
			[ $((WALKED % 8 + 1)) != "$(turn 8)" ] || check "$subject compiles" compile_only || true
			continue
		fi
		image=$(walk_image) || { not_ok "$subject builds"; image=; continue; }
		ok "$subject builds"
		boot_beside "$subject boots, and interrupts work" \
			"$SCRIPTS/run-test.sh" msi STOCK=1 IMAGE="$image" CPU=cortex-a53
	done
	[ -z "$image" ] || part_end "$part" "$image"
}

# Commits build and boot; the first Image is the stock one, the last one ours.
test_walk() {
	local part WALKED=0
	step "Patches build and boot: $(everything && echo each || echo the end of every other part)"
	tree_at_base
	STOCK_IMAGE=$(walk_image) || { not_ok "the base builds"; return 0; }
	ok "the base builds"
	for part in $(part_names); do
		walk_part "$part" || break
	done
	boot_beside
}

test_checkpatch() {
	local dir=$BUILD/test/signed part patch name file
	step "checkpatch"
	tree_at_head
	rm -rf "$dir"
	for part in $(part_names); do
		mkdir -p "$dir/$part"
		for patch in $(part_patches "$part"); do
			name=$part/$(basename "$patch" .patch)
			cp "$patch" "$dir/$part/"
			python3 "$SCRIPTS/patchmail.py" sign 'A Sender <sender@example.org>' "$dir/$name.patch"
			# FILE_PATH_CHANGES only asks a question; it is answered below.
			check "checkpatch --strict: $name" \
				sh -c "cd '$TREE' && timeout 300 perl scripts/checkpatch.pl --strict --show-types --no-summary -q \
					--ignore FILE_PATH_CHANGES '$dir/$name.patch'" || true
		done
	done
	for file in $(w diff --no-renames --diff-filter=A --name-only base HEAD); do
		check "$file has a maintainer" sh -c "cd '$TREE' &&
			perl scripts/get_maintainer.pl --no-git --no-git-fallback --no-l -f '$file' | grep ." || true
	done
}

kernel_docs() {
	local files
	mapfile -t files < <(w diff --no-renames --diff-filter=A --name-only base HEAD -- '*.c' '*.h' ':!tools/')
	(cd "$TREE" && python3 tools/docs/kernel-doc -none -Wall -Werror "${files[@]}")
}

# The pages beside it name others that are not built here.
sphinx_page() {
	local log=$BUILD/test/sphinx
	rm -rf "$BUILD/test/docs"
	kmake -C "$TREE" O="$BUILD/test/docs" SPHINXDIRS=virt/kvm/arm htmldocs > "$log" 2>&1 || { tail "$log"; return 1; }
	[ -s "$BUILD/test/docs/Documentation/output/virt/kvm/arm/pkvm-its.html" ] || { tail "$log"; return 1; }
	! grep -E '(pkvm-its|index)\.rst' "$log"
}

is_plotted() { python3 "$ROOT/bench/plot.py" "$ROOT/bench/RESULTS.md" | cmp - "$ROOT/bench/costs.svg"; }

test_docs() {
	step "Documentation"
	tree_at_head
	check "kernel-doc says nothing of the files that are new" kernel_docs || true
	check "sphinx says nothing of pkvm-its.rst and its index" sphinx_page || true
	check "bench/costs.svg shows bench/RESULTS.md" is_plotted || true
	check "the README's numbers are those of bench/RESULTS.md" "$ROOT/tests/readme.py" costs || true
	check "handover.svg is the documentation's figure" "$SCRIPTS/figure.sh" --check || true
}

# The folders of what the series touches.
touched_dirs() {
	git -C "$LINUX" diff --no-renames --name-only base HEAD -- '*.c' '*.S' '*.h' '*/Makefile' |
		sed -E -n 's#^(arch/arm64/kvm)/.*#\1/#p; t; s#^((arch|drivers|kernel|mm|virt|lib)/.*/)[^/]*$#\1#p' |
		grep -v '/include/' | sort -u
}

# The files of the kernel proper which the series adds or edits.
touched_files() {
	git -C "$LINUX" diff --no-renames --diff-filter=d --name-only base HEAD -- '*.c' ':!tools/' ':!samples/'
}

# unchecked LOG...: those of them which sparse did not see. EL2 has some files as folder/../file.
unchecked() {
	comm -23 <(touched_files | sort) \
		<(cat "$@" | sed -E -n 's/^  CHECK +//; T; :up; s#[^/]+/\.\./##; t up; p' | sort -u)
}

# Debian 12's sparse does not know __typeof_unqual__, and the kernel then leaves it out.
sparse_make() {
	kmake -k -C "$TREE" O="$WARN" W=1 C=1 CHECK='sparse -D__typeof_unqual__=__typeof__' "$@"
}

# Kbuild's rule for EL2's objects knows C=1 only, which checks what is compiled: that is all once,
# then what a part changes.
warnings_of() {
	local log=$1 dirs
	mapfile -t dirs < <(touched_dirs)
	[ ${#dirs[@]} -gt 0 ] || dirs=(arch/arm64/kvm/ drivers/irqchip/)
	# hyp-constants.c becomes no object unless it is asked for, and then nothing beside it does.
	# EL2 links lib/rbtree.c, of which sparse says the same in lib/.
	sparse_make "${dirs[@]}" > "$log.full" 2>&1 &&
		sparse_make arch/arm64/kvm/hyp/hyp-constants.o lib/rbtree.o >> "$log.full" 2>&1 || return 1
	sed -E -n "s|$TREE/||g; s/^[./]*([^ :]+):[0-9]+(:[0-9]+)?:/\1:/; /(warning|error):/p" "$log.full" |
		sort -u > "$log"
}

# Again for each part: allnoconfig leaves out what the tree does not have yet.
warn_config() {
	mkdir -p "$WARN"
	cat "$ROOT"/configs/{kernel,4k,acpi,check}.config > "$WARN/fragment"
	kmake -C "$TREE" O="$WARN" KCONFIG_ALLCONFIG="$WARN/fragment" \
		allnoconfig > "$BUILD/test/warn-config.log" 2>&1
}

base_warnings() {
	local log
	log=$BUILD/test/warnings-base-$( (w rev-parse 'HEAD^{tree}'; touched_dirs; declare -f warnings_of sparse_make; cat "$ROOT"/configs/*.config) | sha256sum | cut -c1-12)
	rm -rf "$WARN"
	warn_config || return 1
	if [ ! -f "$log" ]; then
		say "Warnings of the base"
		warnings_of "$BUILD/test/warnings-tmp" || return 1
		grep -q '^  CHECK .*/nvhe/' "$BUILD/test/warnings-tmp.full" || { say "sparse did not see EL2's files"; return 1; }
		mv "$BUILD/test/warnings-tmp" "$log"
	fi
	cp "$log" "$BUILD/test/warnings-base"
}

# no_new_warnings PART
no_new_warnings() {
	local log=$BUILD/test/warnings-part-$1
	warn_config || return 1
	warnings_of "$log" || { tail -n 30 "$log.full"; return 1; }
	comm -13 "$BUILD/test/warnings-base" "$log" | tee "$BUILD/test/warnings-new"
	[ ! -s "$BUILD/test/warnings-new" ]
}

all_checked() {
	local missing
	missing=$(unchecked "$BUILD"/test/warnings-part-*.full) || return 1
	echo "$missing"
	[ -z "$missing" ] && [ -n "$(touched_files)" ]
}

test_warnings() {
	local part WARN
	WARN=$(dirname "$TREE")/out/warn
	step "W=1 and sparse: $(touched_dirs | paste -sd' ')"
	rm -f "$BUILD"/test/warnings-part-*
	tree_at_base
	base_warnings || { not_ok "W=1 and sparse of the base"; return 0; }
	for part in $(part_names); do
		apply_part "$part" || { not_ok "part $part applies"; return 0; }
		everything || [ "$part" = "$(part_names | tail -n 1)" ] || continue
		check "W=1 and sparse say nothing new at the end of $part" no_new_warnings "$part" || true
	done
	check "sparse saw each of the $(touched_files | wc -l) files of the series" all_checked || true
}

# Those of the guests are for busybox, and split what commands print on purpose.
check_host_scripts() (
	cd "$ROOT" && grep -lrE '^#!/bin/bash|^# shellcheck shell=bash' .ci scripts tests |
		xargs shellcheck -x -P scripts -S warning
)
check_guest_scripts() (
	cd "$ROOT" && shellcheck -s dash -S warning -e SC2046 tests/guest/*.sh tests/guest/init
)

ci_files() { (cd "$ROOT" && python3 -c 'import sys, yaml; [yaml.safe_load(open(f)) for f in sys.argv[1:]]' "$@"); }

test_options() {
	step "Options"
	check "the CI files are YAML" ci_files .gitlab-ci.yml .github/workflows/test.yml || true
	check "shellcheck: scripts" check_host_scripts || true
	check "shellcheck: scripts of the guests" check_guest_scripts || true
	GROUP=options
	: > "$JOBS"
	job options "$ROOT/tests/options.sh"
	run_jobs
}

# EL2's code in user space: see tests/model/README.md
model_jobs() {
	local part
	for part in "mutants=$(share 3)" "driver corpus" schedules; do
		# shellcheck disable=SC2086
		job model env LINUX="$TREE" O="$BUILD/model/${part//[ =\/]/-}" timeout --foreground -k 10 2400 \
			"$ROOT/tests/model/run.sh" $part
	done
}

# EL2's code for every input, and some of its broken variants: see tests/proof/README.md.
# In the queue, as each proof has a limit of time: builds beside it would use that up.
prove_jobs() {
	job prove timeout --foreground -k 10 2400 "$SCRIPTS/prove.sh" ALL=0 JOBS=1 MUTANTS="$(share 10)"
}

test_builds() {
	step "Configurations"
	tree_at_head
	local size
	for size in "${PAGE_SIZES[@]}"; do
		if IMAGES[$size]=$(PAGE_SIZE=$size walk_image "$size"); then
			ok "$size pages build"
		else
			not_ok "$size pages build"
		fi
	done
	if NODEBUG_IMAGE=$(EL2_DEBUG=0 walk_image nodebug "$WALK/out/4k"); then
		ok "CONFIG_NVHE_EL2_DEBUG=n builds"
	else
		not_ok "CONFIG_NVHE_EL2_DEBUG=n builds"
	fi
	if CHECK_IMAGE=$(CHECK=1 walk_image check "$WALK/out/4k"); then
		ok "CONFIG_PKVM_ITS_CHECK=y builds"
	else
		not_ok "CONFIG_PKVM_ITS_CHECK=y builds"
	fi
	if ! everything; then
		check "CONFIG_KVM=n compiles" compile_nokvm || true
	elif NOKVM_IMAGE=$(KVM=0 walk_image nokvm "$WALK/out/4k"); then
		ok "CONFIG_KVM=n builds"
	else
		not_ok "CONFIG_KVM=n builds"
	fi
}

# job LABEL command...: to be run by run_jobs, for the minutes of $GROUP
job() {
	local label=$1
	shift
	printf '%s\t%s\t%s\0' "$GROUP" "$label" "$(printf '%q ' "$@")" >> "$JOBS"
}

guest() {
	local label=$1
	shift
	job "$label" "$SCRIPTS/run-test.sh" "$@"
}

# All of them on one CPU: EL2 does the same on the other.
fail_steps() { if [ "$1" = "${CPUS[0]}" ]; then seq 0 "$2"; else echo 5; fi; }

guest_jobs() {
	local cpu smp nr IMAGE=${IMAGES[4k]} IMAGE_64K=${IMAGES[64k]}
	local vms=100 reboots=10
	guest "checked" guests IMAGE="$CHECK_IMAGE" CPU="${CPUS[0]}"
	guest "checked gic=4" vms 20 IMAGE="$CHECK_IMAGE" CPU="${CPUS[0]}" GIC=4
	guest "checked gic=4" bypass IMAGE="$CHECK_IMAGE" CPU="${CPUS[0]}" GIC=4
	guest "checked" selftests its_shadow its_shadow_debug its_shadow_rdist vgic_irq vgic_lpi_stress \
		IMAGE="$CHECK_IMAGE" CPU="${CPUS[0]}"
	guest "checked gic=4" selftests its_shadow its_shadow_rdist its_shadow_vpe its_shadow_resident vgic_lpi_stress \
		IMAGE="$CHECK_IMAGE" CPU="${CPUS[0]}" GIC=4 APPEND=kvm-arm.vgic_v4_enable=1
	job "README" sh -c "'$SCRIPTS/boot.sh' IMAGE='$IMAGE' | '$ROOT/tests/readme.py' boot"
	job "console" "$ROOT/tests/shell.py" console IMAGE="$IMAGE" CPU="${CPUS[0]}"
	job "Ctrl-C" "$ROOT/tests/shell.py" interrupt IMAGE="$IMAGE"
	job "guest's console" "$ROOT/tests/shell.py" guest IMAGE="$IMAGE" CPU="${CPUS[0]}"
	job "debugger" "$ROOT/tests/shell.py" gdb IMAGE="$IMAGE" CPU="${CPUS[0]}"
	for cpu in "${CPUS[@]}"; do
		for smp in 1 8; do
			job "boot 4k $cpu smp=$smp" "$SCRIPTS/boot-test.sh" IMAGE="$IMAGE" CPU="$cpu" SMP=$smp
			guest "4k $cpu smp=$smp" msi IMAGE="$IMAGE" CPU="$cpu" SMP=$smp
		done
		guest "4k $cpu smp=2" hotplug IMAGE="$IMAGE" CPU="$cpu" SMP=2
		guest "4k $cpu smp=8" hotplug "$(if [ "$cpu" = max ]; then echo 5; else echo 50; fi)" \
			IMAGE="$IMAGE" CPU="$cpu" SMP=8 LIMIT=240
		guest "4k $cpu" guests IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu" trace IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu" many IMAGE="$IMAGE" CPU="$cpu"
		for nr in $(fail_steps "$cpu" 15); do
			guest "4k $cpu its_fail_step=$nr" failclosed IMAGE="$IMAGE" CPU="$cpu" \
				APPEND="kvm-arm.its_fail_step=$nr"
		done
		for nr in $(fail_steps "$cpu" 6); do
			guest "4k $cpu rdist_fail_step=$nr" failclosed IMAGE="$IMAGE" CPU="$cpu" GIC=4 SMP=4 \
				APPEND="kvm-arm.rdist_fail_step=$nr kvm-arm.vgic_v4_enable=1"
		done
		for nr in broken disabled ignored; do
			guest "4k $cpu its_node=$nr" gate msi 4000000 IMAGE="$IMAGE" CPU="$cpu" ITS_NODE=$nr
		done
		guest "4k $cpu its_node=absent" gate nomsi 4000000 8080000 IMAGE="$IMAGE" CPU="$cpu" ITS_NODE=absent
		guest "4k $cpu nolpi" gate nomsi 8080000 IMAGE="$IMAGE" CPU="$cpu" APPEND=irqchip.gicv3_nolpi=1
		guest "4k $cpu" offline never IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu its_fail_step=9" selftests psci_test STOCK=1 IMAGE="$IMAGE" CPU="$cpu" APPEND=kvm-arm.its_fail_step=9
		guest "4k $cpu" suspend IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu" rootports IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu" late IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu" refused IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu" acpi gicr IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu gicc" acpi gicc IMAGE="$IMAGE" CPU="$cpu" SMP=4
		guest "4k $cpu nolpi" kdump nolpi IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu lpi" kdump lpi 1 IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu gic=4" msi IMAGE="$IMAGE" CPU="$cpu" GIC=4
		guest "4k $cpu gic=4" suspend IMAGE="$IMAGE" CPU="$cpu" GIC=4
		guest "4k $cpu gic=4" vms "$vms" IMAGE="$IMAGE" CPU="$cpu" GIC=4
		guest "4k $cpu gic=4" bypass IMAGE="$IMAGE" CPU="$cpu" GIC=4
		guest "4k $cpu real guest" vmm "$reboots" IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu gic=4 real guest" vmm 10 IMAGE="$IMAGE" CPU="$cpu" GIC=4
		guest "64k $cpu" offline early PAGE_SIZE=64k IMAGE="$IMAGE_64K" CPU="$cpu"
		# max takes ten times as long to run a guest.
		vms=20 reboots=2
		guest "4k $cpu gic=4" selftests vgic_irq IMAGE="$IMAGE" CPU="$cpu" GIC=4 APPEND=kvm-arm.vgic_v4_enable=0
		for smp in 1 8; do
			guest "64k $cpu smp=$smp" msi PAGE_SIZE=64k IMAGE="$IMAGE_64K" CPU="$cpu" SMP=$smp
		done
		guest "64k $cpu" hotplug PAGE_SIZE=64k IMAGE="$IMAGE_64K" CPU="$cpu"
		guest "64k $cpu" suspend PAGE_SIZE=64k IMAGE="$IMAGE_64K" CPU="$cpu"
		guest "64k $cpu" rootports PAGE_SIZE=64k IMAGE="$IMAGE_64K" CPU="$cpu"
		guest "64k $cpu" late PAGE_SIZE=64k IMAGE="$IMAGE_64K" CPU="$cpu"
		job "boot without NVHE_EL2_DEBUG, $cpu" "$SCRIPTS/boot-test.sh" EL2_DEBUG=0 IMAGE="$NODEBUG_IMAGE" CPU="$cpu"
		! everything || guest "without KVM, $cpu" msi STOCK=1 IMAGE="$NOKVM_IMAGE" CPU="$cpu"
		guest "unprotected, $cpu" msi STOCK=1 IMAGE="$IMAGE" CPU="$cpu" APPEND=kvm-arm.mode=none
		job "the report of a stock kernel, $cpu" "$SCRIPTS/boot-test.sh" STOCK=1 IMAGE="$STOCK_IMAGE" CPU="$cpu"
	done
}

# attack KIND LABEL KEY=VALUE...: see tests/attack-its.sh
attack() {
	local kind=$1 label=$2
	shift 2
	job "$label" timeout --foreground -k 10 600 "$ROOT/tests/attack-its.sh" "$kind" STOCK_IMAGE="$STOCK_IMAGE" "$@"
}

# machines: "page size, CPU, GIC" of each machine in the matrix
machines() {
	local size cpu gic
	for size in "${PAGE_SIZES[@]}"; do
		for cpu in "${CPUS[@]}"; do
			[ "$size:$cpu" != 16k:cortex-a53 ] || continue
			for gic in "${GICS[@]}"; do
				echo "$size $cpu $gic"
			done
		done
	done
}

matrix_jobs() {
	local size cpu gic options append kind
	while read -r size cpu gic; do
		append='' kind=plain
		[ "$gic" = 3 ] || append=kvm-arm.vgic_v4_enable=1 kind=v4
		options=(PAGE_SIZE="$size" IMAGE="${IMAGES[$size]}" CPU="$cpu" GIC="$gic")
		job "$size $cpu gic=$gic boot" "$SCRIPTS/boot-test.sh" "${options[@]}"
		guest "$size $cpu gic=$gic selftests" selftests "${options[@]}" APPEND="$append"
		attack "$kind" "$size $cpu gic=$gic attacks" "${options[@]}"
	done < <(machines | sort -s -r -k 2,2)	# the slow CPU first
}

# cell LABEL: how a job of the matrix ended
cell() {
	local passed failed
	passed=$(grep -cF "ok - [$1] " <(grep '^ok ' "$RESULTS") || true)
	failed=$(grep -cF "ok - [$1] " <(grep '^not ok ' "$RESULTS") || true)
	if [ "$failed" -gt 0 ]; then echo "$failed failed"; else echo "$passed passed"; fi
}

print_matrix() {
	local size cpu gic
	say ""
	printf '| %-5s | %-10s | %-5s | %-10s | %-10s | %-10s |\n' pages CPU GIC boot selftests attacks
	printf '|-------|------------|-------|------------|------------|------------|\n'
	while read -r size cpu gic; do
		printf '| %-5s | %-10s | GICv%-1s | %-10s | %-10s | %-10s |\n' "$size" "$cpu" "$gic" \
			"$(cell "$size $cpu gic=$gic boot")" "$(cell "$size $cpu gic=$gic selftests")" \
			"$(cell "$size $cpu gic=$gic attacks")"
	done < <(machines)
}

attack_jobs() {
	local cpu kind
	for cpu in "${CPUS[@]}"; do
		attack stock "stock $cpu attacks" CPU="$cpu"
		attack stock-v4 "stock $cpu gic=4 attacks" CPU="$cpu"
		attack fuzz "$cpu fuzz" CPU="$cpu" SMP=4 IMAGE="${IMAGES[4k]}"
		attack fuzz-v4 "$cpu gic=4 fuzz" CPU="$cpu" SMP=4 IMAGE="${IMAGES[4k]}"
		attack bypass-v4 "$cpu gic=4 bypass" CPU="$cpu" IMAGE="${IMAGES[4k]}"
		for kind in firmware firmware-v4; do
			attack stock-$kind "stock $cpu $kind" CPU="$cpu"
			attack $kind "$cpu $kind" CPU="$cpu" IMAGE="${IMAGES[4k]}"
		done
	done
	attack firmware "64k firmware" PAGE_SIZE=64k CPU=cortex-a53 IMAGE="${IMAGES[64k]}"
	for cpu in "${CPUS[@]}"; do
		for kind in rdist rdist-v4; do
			attack stock-$kind "stock $cpu $kind" CPU="$cpu"
			attack $kind "$cpu $kind" CPU="$cpu" IMAGE="${IMAGES[4k]}"
		done
	done
	attack rdist-v4 "64k rdist-v4" PAGE_SIZE=64k CPU=cortex-a53 IMAGE="${IMAGES[64k]}"
	attack stock-rdist-exhausted "stock max redistributors, stage 2 exhausted" CPU=max
	attack rdist-exhausted "max redistributors, stage 2 exhausted" CPU=max IMAGE="${IMAGES[4k]}"
	attack fuzz-v4 "checked fuzz" CPU="${CPUS[0]}" SMP=4 IMAGE="$CHECK_IMAGE"
	attack stock-exhausted "stock max attacks, stage 2 exhausted" CPU=max
	attack exhausted "max attacks, stage 2 exhausted" CPU=max IMAGE="${IMAGES[4k]}"
}

# is_late GROUP: what the series is there for is never left out
is_late() { [ "${ALL:-0}" != 1 ] && [[ $1 =~ ^(model|prove|guests)$ ]] && [ $(($(date +%s) - BEGAN)) -gt "$MOST_SECONDS" ]; }

# One line per result; a job which says nothing has failed.
run_job() {
	local group label command out status=0
	IFS=$'\t' read -r -d '' group label command < <(printf '%s' "$1") || true
	if is_late "$group"; then
		echo "# skip [$label] not begun: $((MOST_SECONDS / 60)) minutes are over" | tee -a "$LEFT_OUT"
		return
	fi
	out=$(mktemp "$BUILD/test/job.XXXXXX")
	eval "$command" > "$out" 2>&1 || status=$?
	if [ "$status" -ne 0 ] && ! grep -q '^not ok' "$out"; then
		echo "not ok exit status $status" >> "$out"
	elif ! grep -qE '^(ok|not ok|skip) ' "$out"; then
		echo "not ok no result" >> "$out"
	fi
	sed -E -i "s|^(ok\|not ok) (- )?|\1 - [$label] |; s|^skip |# skip [$label] |" "$out"
	echo "$group $SECONDS $label: $command" >> "$JOB_SECONDS"
	flock "$BUILD/test/lock" sh -c "cat '$out'; grep -E '^(ok|not ok) ' '$out' >> '$RESULTS'"
	how_far
	rm -f "$out"
}

# The first ones take longer than the others: there is less left than it says.
how_far() {
	local n left
	n=$(wc -l < "$JOB_SECONDS")
	left=$((($(date +%s) - JOBS_BEGAN) * (JOBS_ALL - n) / n))
	echo "# $n of $JOBS_ALL in this queue; at most $(((left + 59) / 60)) more minutes"
}

# What takes long first, which is also all of the slow CPU: the last ones to end are short.
run_jobs() {
	[ -s "$JOBS" ] || return 0
	JOB_SECONDS=$JOBS.seconds JOBS_ALL=$(tr -dc '\0' < "$JOBS" | wc -c) JOBS_BEGAN=$(date +%s)
	: > "$JOB_SECONDS"
	export BUILD RESULTS JOB_SECONDS JOBS_ALL JOBS_BEGAN BEGAN MOST_SECONDS LEFT_OUT
	export -f run_job how_far is_late
	# shellcheck disable=SC2016
	{ grep -zE "$SLOW" "$JOBS"; grep -zvE "$SLOW" "$JOBS"; } |
		xargs -0 -P "$PARALLEL" -n 1 bash -c 'run_job "$1"' _ || true
}

# The images a group needs when the groups which build them were not asked for.
need_images() {
	local size
	for size in "${PAGE_SIZES[@]}"; do
		IMAGES[$size]=${IMAGES[$size]:-$(PAGE_SIZE=$size walk_image "$size")}
	done
	STOCK_IMAGE=${STOCK_IMAGE:-$(STOCK=1 ACPI=1 "$SCRIPTS/image.sh")}
	SELFTESTS=${SELFTESTS:-$("$SCRIPTS/selftests.sh" SRC="$TREE")}
	export SELFTESTS
}

more_images() {
	NODEBUG_IMAGE=${NODEBUG_IMAGE:-$(EL2_DEBUG=0 walk_image nodebug "$WALK/out/4k")}
	! everything || NOKVM_IMAGE=${NOKVM_IMAGE:-$(KVM=0 walk_image nokvm "$WALK/out/4k")}
	CHECK_IMAGE=${CHECK_IMAGE:-$(CHECK=1 walk_image check "$WALK/out/4k")}
}

# run_queue GROUP...: their guests in one queue, so that no CPU waits for the last one of a group.
run_queue() {
	local group
	step "In a queue: $*"
	tree_at_head
	[[ "$*" != *matrix* && "$*" != *guests* && "$*" != *attacks* ]] || need_images
	: > "$JOBS"
	for group in "$@"; do
		GROUP=$group
		[ "$group" != guests ] && [ "$group" != attacks ] || more_images
		"${group%s}_jobs"
	done
	run_jobs
	for group in "$@"; do
		awk -v group="$group" -v by="$PARALLEL" '$1 == group { n += $2 } END { print group, int(n / by) }' \
			"$JOB_SECONDS" >> "$SECONDS_OF"
		[ "$group" != matrix ] || print_matrix
	done
}

# minutes SECONDS: with one digit behind the point
minutes() { echo "$((($1 + 3) / 60)).$((($1 + 3) % 60 / 6))"; }

run_group() {
	local start=$SECONDS
	"test_$1" 7>&-
	echo "$1 $((SECONDS - start))" >> "$SECONDS_OF"
}

# beside GROUP...: with a tree of their own, and behind the builds where both want the CPU
beside() {
	local group
	renice -n 10 "$BASHPID" >/dev/null
	TREE=$WALK/side/linux JOBS=$BUILD/test/jobs.beside PARALLEL=1
	for group in "$@"; do run_group "$group"; done
}

summary() {
	local passed failed
	passed=$(grep -c '^ok ' "$RESULTS" || true)
	failed=$(grep -c '^not ok ' "$RESULTS" || true)
	[ "$failed" -eq 0 ] || { echo; echo "# Failed:"; grep '^not ok ' "$RESULTS" | sed 's/^/#   /'; }
	say ""
	print_minutes
	[ ! -s "$LEFT_OUT" ] || echo "# Left out, as this took too long already: $(wc -l < "$LEFT_OUT") of the queue, see # skip"
	echo "1..$((passed + failed))"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# Some run side by side: the sum is more than the whole. A queue's time is shared by its groups.
print_minutes() {
	local group seconds
	printf '# Minutes:'
	while read -r group seconds; do
		printf ' %s %s,' "$group" "$(minutes "$seconds")"
	done < "$SECONDS_OF"
	echo " together $(minutes $SECONDS)"
}

# asked GROUP...: those of them which are to run
asked() {
	local group
	for group in "$@"; do
		[[ " ${GROUPS_ASKED[*]} " != *" $group "* ]] || echo "$group"
	done
}

main() {
	local group aside queue pid=
	GROUPS_ASKED=("${ARGS[@]}")
	[ ${#GROUPS_ASKED[@]} -gt 0 ] || GROUPS_ASKED=("${BESIDE[@]}" walk builds "${QUEUED[@]}")
	for group in "${GROUPS_ASKED[@]}"; do
		[[ " ${BESIDE[*]} walk builds ${QUEUED[*]} " = *" $group "* ]] ||
			die "no group $group: ${BESIDE[*]} walk builds ${QUEUED[*]}"
	done
	mkdir -p "$BUILD/test"
	: > "$RESULTS"
	: > "$SECONDS_OF"
	: > "$LEFT_OUT"
	unset IMAGE STOCK PAGE_SIZE CPU SMP GIC ACPI KVM EL2_DEBUG CHECK GDB OUT SRC PART SIGNOFF V SINCE FORCE LIMIT
	exec 7>"$BUILD/test/running"
	flock -n 7 || die "another make test is running here"
	"$SCRIPTS/deps.sh" gdb-multiarch graphviz python3-sphinx python3-yaml shellcheck
	"$SCRIPTS/tree.sh" --soft
	mapfile -t aside < <(asked "${BESIDE[@]}")
	mapfile -t queue < <(asked "${QUEUED[@]}")
	if [ ${#aside[@]} -gt 0 ] && [ -n "$(asked walk builds)" ]; then
		beside "${aside[@]}" > "$BUILD/test/beside.log" 2>&1 7>&- &
		pid=$!
		trap 'end_tree "$pid"' EXIT
	else
		for group in "${aside[@]}"; do run_group "$group"; done
	fi
	for group in $(asked walk builds); do run_group "$group"; done
	if [ -n "$pid" ]; then
		wait "$pid" || not_ok "the groups beside the builds ended early: ${aside[*]}"
		trap - EXIT
		cat "$BUILD/test/beside.log"
	fi
	[ ${#queue[@]} -eq 0 ] || run_queue "${queue[@]}" 7>&-
	summary
}

main
