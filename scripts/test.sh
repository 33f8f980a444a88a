#!/bin/bash
# Everything: the series, the builds, the guests. One line per check, the last
# line is "N passed, N failed". test.sh NAME... runs only these groups:
# series walk checkpatch warnings model builds matrix guests attacks
. "$(dirname "$0")/lib.sh"
parse_args "$@"

WALK=$BUILD/walk
RESULTS=$BUILD/test/results
JOBS=$BUILD/test/jobs
CPUS=(cortex-a53 max)
PAGE_SIZES=(4k 16k 64k)
GICS=(3 4)
declare -A IMAGES

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

w() { fixed_git -C "$WALK/linux" "$@"; }

walk_image() {
	SRC=$WALK/linux OUT=$WALK/out/${1:-4k} SEED=${2:-} PAGE_SIZE=${PAGE_SIZE:-4k} STOCK=0 \
	KVM=${KVM:-1} EL2_DEBUG=${EL2_DEBUG:-1} "$SCRIPTS/image.sh"
}

# A clone of its own, at the base: build/linux is someone's desk.
walk_tree() {
	local base
	base=$(git -C "$LINUX" rev-parse 'base^{commit}')
	if ! git -C "$WALK/linux" rev-parse -q --verify "$base^{commit}" >/dev/null 2>&1; then
		rm -rf "$WALK"
		git clone -q --shared --no-checkout "$LINUX" "$WALK/linux"
	fi
	w am --abort 2>/dev/null || true
	w -c advice.detachedHead=false checkout -q --detach -f "$base"
	w reset -q --hard "$base"
	w clean -qfd
}

test_series() {
	step "The series"
	check "patches/ is not empty" test -n "$(series_patches)" || true
	check "build/linux has nothing uncommitted" \
		test -z "$(uncommitted "$LINUX")" || true
	check "the exported files equal the series" "$SCRIPTS/export.sh" --check || true
	walk_tree
	local patch list
	mapfile -t list < <(series_patches)
	if [ ${#list[@]} -gt 0 ]; then
		check "the series applies to Linux $(make -s -C "$WALK/linux" kernelversion)" w am -q "${list[@]}" || return 0
	fi
	check "the applied series is build/linux" \
		test "$(w rev-parse 'HEAD^{tree}')" = "$(git -C "$LINUX" rev-parse 'HEAD^{tree}')" || true
}

# Every commit builds and boots; the first Image is the stock one, the last one ours.
test_walk() {
	local patch subject image
	step "Every patch builds and boots"
	walk_tree
	STOCK_IMAGE=$(walk_image) || { not_ok "the base builds"; return 0; }
	ok "the base builds"
	[ -z "$WITH_WARNINGS" ] || base_warnings
	for patch in $(series_patches); do
		subject=$(basename "$patch" .patch)
		w am -q "$patch" || { not_ok "$subject applies"; break; }
		image=$(walk_image) || { not_ok "$subject builds"; continue; }
		ok "$subject builds"
		# While the next one builds, which hardly needs the second CPU.
		wait
		check "$subject boots, and interrupts work" \
			"$SCRIPTS/run-test.sh" msi STOCK=1 IMAGE="$image" CPU=cortex-a53 &
	done
	wait
}

# walk_to_head: the walk tree with the whole series, files untouched when it is there already
walk_to_head() {
	local list
	if [ "$(w rev-parse 'HEAD^{tree}' 2>/dev/null)" != "$(git -C "$LINUX" rev-parse 'HEAD^{tree}')" ]; then
		walk_tree
		mapfile -t list < <(series_patches)
		[ ${#list[@]} -eq 0 ] || w am -q "${list[@]}"
	fi
}

test_checkpatch() {
	local dir=$BUILD/test/signed patch file
	step "checkpatch"
	walk_to_head
	rm -rf "$dir"
	mkdir -p "$dir"
	for patch in $(series_patches); do
		cp "$patch" "$dir/"
		python3 "$SCRIPTS/patchmail.py" sign 'A Sender <sender@example.org>' "$dir/$(basename "$patch")"
		# FILE_PATH_CHANGES only asks a question; it is answered below.
		check "checkpatch --strict: $(basename "$patch" .patch)" \
			sh -c "cd '$WALK/linux' && timeout 300 perl scripts/checkpatch.pl --strict --show-types --no-summary -q \
				--ignore FILE_PATH_CHANGES '$dir/$(basename "$patch")'" || true
		sed -i 's/^From: .*/From: A Sender <sender@example.org>/' "$dir/$(basename "$patch")"
	done
	for file in $(w diff --no-renames --diff-filter=A --name-only base HEAD); do
		check "$file has a maintainer" sh -c "cd '$WALK/linux' &&
			perl scripts/get_maintainer.pl --no-git --no-git-fallback --no-l -f '$file' | grep ." || true
	done
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

# unchecked LOG: those of them which sparse did not see. EL2 has some files as folder/../file.
unchecked() {
	comm -23 <(touched_files | sort) \
		<(sed -E -n 's/^  CHECK +//; T; :up; s#[^/]+/\.\./##; t up; p' "$1" | sort -u)
}

# Debian 12's sparse does not know __typeof_unqual__, and the kernel then leaves it out.
sparse_make() {
	kmake -k -C "$WALK/linux" O="$WALK/out/warn" W=1 C=1 CHECK='sparse -D__typeof_unqual__=__typeof__' "$@"
}

# Kbuild's rule for EL2's objects knows C=1 only, which checks what is compiled: all is compiled anew.
warnings_of() {
	local log=$1 dirs dir
	mapfile -t dirs < <(touched_dirs)
	[ ${#dirs[@]} -gt 0 ] || dirs=(arch/arm64/kvm/ drivers/irqchip/)
	for dir in "${dirs[@]}"; do
		[ ! -d "$WALK/out/warn/$dir" ] || find "$WALK/out/warn/$dir" -name '*.o' -delete
	done
	# hyp-constants.c becomes no object unless it is asked for, and then nothing beside it does.
	sparse_make "${dirs[@]}" > "$log.full" 2>&1 &&
		sparse_make arch/arm64/kvm/hyp/hyp-constants.o >> "$log.full" 2>&1 || return 1
	grep -q '^  CHECK .*/nvhe/' "$log.full" || { echo "sparse did not see EL2's files"; return 1; }
	sed -E -n "s|$WALK/linux/||g; s/^[./]*([^ :]+):[0-9]+(:[0-9]+)?:/\1:/; /(warning|error):/p" "$log.full" |
		sort > "$log"
}

warn_config() {
	mkdir -p "$WALK/out/warn"
	cat "$ROOT/configs/kernel.config" "$ROOT/configs/4k.config" > "$WALK/out/warn/fragment"
	kmake -C "$WALK/linux" O="$WALK/out/warn" KCONFIG_ALLCONFIG="$WALK/out/warn/fragment" \
		allnoconfig > "$BUILD/test/warn-config.log" 2>&1
}

base_warnings() {
	local log
	log=$BUILD/test/warnings-base-$( (w rev-parse 'HEAD^{tree}'; touched_dirs; declare -f warnings_of sparse_make; cat "$ROOT"/configs/*.config) | sha256sum | cut -c1-12)
	if [ ! -f "$log" ]; then
		say "Warnings of the base"
		rm -rf "$WALK/out/warn"
		# Nothing was built here if the base's image was there already.
		if [ -d "$WALK/out/4k" ]; then
			cp -a "$WALK/out/4k" "$WALK/out/warn"
		else
			warn_config
		fi
		warnings_of "$BUILD/test/warnings-tmp" || { not_ok "W=1 and sparse of the base"; return 0; }
		mv "$BUILD/test/warnings-tmp" "$log"
	fi
	cp "$log" "$BUILD/test/warnings-base"
}

no_new_warnings() {
	warnings_of "$BUILD/test/warnings-head" || { tail -n 30 "$BUILD/test/warnings-head.full"; return 1; }
	comm -13 "$BUILD/test/warnings-base" "$BUILD/test/warnings-head" | tee "$BUILD/test/warnings-new"
	[ ! -s "$BUILD/test/warnings-new" ]
}

all_checked() {
	local missing
	missing=$(unchecked "$BUILD/test/warnings-head.full") || return 1
	echo "$missing"
	[ -z "$missing" ] && [ -n "$(touched_files)" ]
}

test_warnings() {
	step "W=1 and sparse"
	[ -f "$BUILD/test/warnings-base" ] || { not_ok "W=1 and sparse: no build of the base to compare with"; return 0; }
	walk_to_head
	check "W=1 and sparse say nothing new: $(touched_dirs | paste -sd' ')" no_new_warnings || true
	check "sparse saw each of the $(touched_files | wc -l) files of the series" all_checked || true
}

# EL2's code in user space: see tests/model/README.md
test_model() {
	local part
	step "The model"
	walk_to_head
	: > "$JOBS"
	for part in mutants=1/3 mutants=2/3 mutants=3/3 "driver corpus"; do
		# shellcheck disable=SC2086
		job model env LINUX="$WALK/linux" O="$BUILD/model/${part//[ =\/]/-}" timeout -k 10 1200 \
			"$ROOT/tests/model/run.sh" $part
	done
	run_jobs
}

test_builds() {
	step "Configurations"
	walk_to_head
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
	if NOKVM_IMAGE=$(KVM=0 walk_image nokvm "$WALK/out/4k"); then
		ok "CONFIG_KVM=n builds"
	else
		not_ok "CONFIG_KVM=n builds"
	fi
}

# job LABEL command...: to be run by run_jobs, two at a time
job() {
	local label=$1
	shift
	printf '%s\t%s\0' "$label" "$(printf '%q ' "$@")" >> "$JOBS"
}

guest() {
	local label=$1
	shift
	job "$label" "$SCRIPTS/run-test.sh" "$@"
}

guest_jobs() {
	local cpu smp nr IMAGE=${IMAGES[4k]} IMAGE_16K=${IMAGES[16k]} IMAGE_64K=${IMAGES[64k]}
	local vms=100
	for cpu in "${CPUS[@]}"; do
		for smp in 1 8; do
			job "boot 4k $cpu smp=$smp" "$SCRIPTS/boot-test.sh" IMAGE="$IMAGE" CPU="$cpu" SMP=$smp
			guest "4k $cpu smp=$smp" msi IMAGE="$IMAGE" CPU="$cpu" SMP=$smp
		done
		for smp in 2 8; do
			guest "4k $cpu smp=$smp" hotplug IMAGE="$IMAGE" CPU="$cpu" SMP=$smp
		done
		guest "4k $cpu" guests IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu" trace IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu" many IMAGE="$IMAGE" CPU="$cpu"
		for nr in 1 10 20 21 30 39; do
			guest "4k $cpu its_fail=$nr" failclosed IMAGE="$IMAGE" CPU="$cpu" APPEND="kvm-arm.its_fail=$nr"
		done
		for nr in 0 1 2 3 4 5 6; do
			guest "4k $cpu its_fail_step=$nr" failclosed IMAGE="$IMAGE" CPU="$cpu" \
				APPEND="kvm-arm.its_fail_step=$nr"
		done
		for nr in broken disabled ignored; do
			guest "4k $cpu its_node=$nr" gate msi 4000000 IMAGE="$IMAGE" CPU="$cpu" ITS_NODE=$nr
		done
		guest "4k $cpu its_node=absent" gate nomsi 4000000 8080000 IMAGE="$IMAGE" CPU="$cpu" ITS_NODE=absent
		guest "4k $cpu nolpi" gate nomsi 8080000 IMAGE="$IMAGE" CPU="$cpu" APPEND=irqchip.gicv3_nolpi=1
		guest "4k $cpu" offline never IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu its_fail=5" selftests psci_test STOCK=1 IMAGE="$IMAGE" CPU="$cpu" APPEND=kvm-arm.its_fail=5
		guest "4k $cpu" suspend IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu" rootports IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu" late IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu" refused IMAGE="$IMAGE" CPU="$cpu"
		guest "4k $cpu gic=4" msi IMAGE="$IMAGE" CPU="$cpu" GIC=4
		guest "4k $cpu gic=4" suspend IMAGE="$IMAGE" CPU="$cpu" GIC=4
		guest "4k $cpu gic=4" vms "$vms" IMAGE="$IMAGE" CPU="$cpu" GIC=4
		guest "16k ${cpu/cortex-a53/cortex-a76}" offline early PAGE_SIZE=16k IMAGE="$IMAGE_16K" CPU="${cpu/cortex-a53/}"
		# max takes ten times as long to run a guest.
		vms=20
		guest "4k $cpu gic=4" selftests vgic_irq IMAGE="$IMAGE" CPU="$cpu" GIC=4 APPEND=kvm-arm.vgic_v4_enable=0
		for smp in 1 8; do
			guest "64k $cpu smp=$smp" msi PAGE_SIZE=64k IMAGE="$IMAGE_64K" CPU="$cpu" SMP=$smp
		done
		guest "64k $cpu" hotplug PAGE_SIZE=64k IMAGE="$IMAGE_64K" CPU="$cpu"
		guest "64k $cpu" suspend PAGE_SIZE=64k IMAGE="$IMAGE_64K" CPU="$cpu"
		guest "64k $cpu" rootports PAGE_SIZE=64k IMAGE="$IMAGE_64K" CPU="$cpu"
		guest "64k $cpu" late PAGE_SIZE=64k IMAGE="$IMAGE_64K" CPU="$cpu"
		job "boot without NVHE_EL2_DEBUG, $cpu" "$SCRIPTS/boot-test.sh" EL2_DEBUG=0 IMAGE="$NODEBUG_IMAGE" CPU="$cpu"
		guest "without KVM, $cpu" msi STOCK=1 IMAGE="$NOKVM_IMAGE" CPU="$cpu"
		guest "unprotected, $cpu" msi STOCK=1 IMAGE="$IMAGE" CPU="$cpu" APPEND=kvm-arm.mode=none
		job "the report of a stock kernel, $cpu" "$SCRIPTS/boot-test.sh" STOCK=1 IMAGE="$STOCK_IMAGE" CPU="$cpu"
	done
}

# attack KIND LABEL KEY=VALUE...: see tests/attack-its.sh
attack() {
	local kind=$1 label=$2
	shift 2
	job "$label" timeout -k 10 600 "$ROOT/tests/attack-its.sh" "$kind" STOCK_IMAGE="$STOCK_IMAGE" "$@"
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
		for kind in firmware firmware-v4; do
			attack stock-$kind "stock $cpu $kind" CPU="$cpu"
			attack $kind "$cpu $kind" CPU="$cpu" IMAGE="${IMAGES[4k]}"
		done
	done
	attack firmware "64k firmware" PAGE_SIZE=64k CPU=cortex-a53 IMAGE="${IMAGES[64k]}"
	attack stock-exhausted "stock max attacks, stage 2 exhausted" CPU=max
	attack exhausted "max attacks, stage 2 exhausted" CPU=max IMAGE="${IMAGES[4k]}"
}

# One line per result; a job which says nothing has failed.
run_job() {
	local label=${1%%$'\t'*} command=${1#*$'\t'} out status=0
	out=$(mktemp "$BUILD/test/job.XXXXXX")
	eval "$command" > "$out" 2>&1 || status=$?
	if [ "$status" -ne 0 ] && ! grep -q '^not ok' "$out"; then
		echo "not ok exit status $status" >> "$out"
	elif ! grep -qE '^(ok|not ok) ' "$out"; then
		echo "not ok no result" >> "$out"
	fi
	sed -E -i "s|^(ok\|not ok) (- )?|\1 - [$label] |; s|^skip |# skip [$label] |" "$out"
	flock "$BUILD/test/lock" sh -c "cat '$out'; grep -E '^(ok|not ok) ' '$out' >> '$RESULTS'"
	rm -f "$out"
}

run_jobs() {
	[ -s "$JOBS" ] || return 0
	export BUILD RESULTS
	export -f run_job
	# shellcheck disable=SC2016
	xargs -0 -P 2 -n 1 bash -c 'run_job "$1"' _ < "$JOBS" || true
}

# The images a group needs when the groups which build them were not asked for.
need_images() {
	local size
	walk_to_head
	for size in "${PAGE_SIZES[@]}"; do
		IMAGES[$size]=${IMAGES[$size]:-$(PAGE_SIZE=$size walk_image "$size")}
	done
	STOCK_IMAGE=${STOCK_IMAGE:-$(STOCK=1 "$SCRIPTS/image.sh")}
	SELFTESTS=${SELFTESTS:-$("$SCRIPTS/selftests.sh" SRC="$WALK/linux")}
	export SELFTESTS
}

# Guests boot one after the other from the same files: build these first.
test_guests() {
	step "Guests"
	need_images
	NODEBUG_IMAGE=${NODEBUG_IMAGE:-$(EL2_DEBUG=0 walk_image nodebug "$WALK/out/4k")}
	NOKVM_IMAGE=${NOKVM_IMAGE:-$(KVM=0 walk_image nokvm "$WALK/out/4k")}
	: > "$JOBS"
	guest_jobs
	run_jobs
}

test_matrix() {
	step "The matrix"
	need_images
	: > "$JOBS"
	matrix_jobs
	run_jobs
	print_matrix
}

test_attacks() {
	step "Attacks"
	need_images
	: > "$JOBS"
	attack_jobs
	run_jobs
}

# minutes SECONDS: with one digit behind the point
minutes() { echo "$((($1 + 3) / 60)).$((($1 + 3) % 60 / 6))"; }

summary() {
	local passed failed
	passed=$(grep -c '^ok ' "$RESULTS" || true)
	failed=$(grep -c '^not ok ' "$RESULTS" || true)
	[ "$failed" -eq 0 ] || { echo; echo "Failed:"; grep '^not ok ' "$RESULTS"; }
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

main() {
	local groups=("${ARGS[@]}") group start took=()
	[ ${#groups[@]} -gt 0 ] || groups=(series walk checkpatch warnings model builds matrix guests attacks)
	mkdir -p "$BUILD/test"
	: > "$RESULTS"
	unset IMAGE STOCK PAGE_SIZE CPU SMP GIC KVM EL2_DEBUG OUT SRC
	exec 7>"$BUILD/test/running"
	flock -n 7 || die "another make test is running here"
	"$SCRIPTS/deps.sh"
	"$SCRIPTS/tree.sh" --soft
	WITH_WARNINGS=$(printf '%s\n' "${groups[@]}" | grep -x warnings || true)
	for group in "${groups[@]}"; do
		start=$SECONDS
		"test_$group" 7>&-
		took+=("$group $(minutes $((SECONDS - start)))")
	done
	say ""
	echo "Minutes: $(printf '%s, ' "${took[@]}")together $(minutes $SECONDS)"
	summary
}

main
