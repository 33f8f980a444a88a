#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# all-selftests.sh [CPU=] [GIC=] [PAGE_SIZE=] [SMP=] [MEM=2G] [LIMIT=60] [ONLY='NAME...']
#                  [IMAGE=] [STOCK_IMAGE=] [SELFTESTS=folder] [KERNEL_TREE=]
# Every KVM selftest of the tree, on the stock kernel and on the patched one, side by side: one
# table of what passed, was skipped and why, failed, or took longer than LIMIT seconds.
# Fails if one that passes on stock does not pass on ours. Those with arguments in
# configs/selftests run with these.
. "$(dirname "$0")/lib.sh"
parse_args "$@"
no_args

GIC=${GIC:-3} LIMIT=${LIMIT:-60} ONLY=${ONLY:-}
DIR=$BUILD/all-selftests

# programs: each that is to run, with its arguments
programs() {
	local prog name
	for prog in "$SELFTESTS"/*; do
		name=$(basename "$prog")
		[ -z "$ONLY" ] || [[ " $ONLY " = *" $name "* ]] || continue
		grep -hE "^$name( |$)" "$ROOT"/configs/selftests* || echo "$name"
	done
}

# guest KERNEL IMAGE PROGRAM...: one guest, whose lines go to $DIR/KERNEL
guest() {
	local kernel=$1 image=$2 append="${APPEND:-} limit=$LIMIT" limit status=0
	shift 2
	limit=$(($# * (LIMIT + 5) + 120))
	printf '%s\n' "$@" > "$DIR/$kernel.list"
	IMAGE=$image TEST=each APPEND=$append FILES="$FILES list=$DIR/$kernel.list" \
		OUT=$DIR/$kernel.console STOCK=1 LIMIT=$limit \
		"$SCRIPTS/qemu.sh" || status=$?
	tr -d '\r' < "$DIR/$kernel.console" | grep -aE '^(each [^ ]+ [0-9]+ [0-9]+ |begin )' >> "$DIR/$kernel" || true
	return $status
}

# run KERNEL IMAGE: each program once; behind one that ends the guest it goes on in another
run() {
	local kernel=$1 image=$2 list=() last done_
	: > "$DIR/$kernel"
	mapfile -t list < <(programs)
	while [ ${#list[@]} -gt 0 ]; do
		if guest "$kernel" "$image" "${list[@]}"; then return; fi
		last=$(sed -n 's/^begin //p' "$DIR/$kernel" | tail -n 1)
		grep -q "^each $last " "$DIR/$kernel" || echo "each $last 98 0 the guest ended: $(tail -n 1 "$DIR/$kernel.console" | tr -d '\r' | cut -c1-80)" >> "$DIR/$kernel"
		done_=$(sed -n 's/^each \([^ ]*\) .*/\1/p' "$DIR/$kernel")
		last=${#list[@]}
		mapfile -t list < <(printf '%s\n' "${list[@]}" | grep -vxE "($(paste -sd'|' <<< "$done_"))( .*)?" || true)
		[ ${#list[@]} -lt "$last" ] || die "$kernel: the guest does not start: see $DIR/$kernel.console"
	done
}

main() {
	local pid again status=0
	if [ -z "${IMAGE:-}" ] || [ -z "${STOCK_IMAGE:-}" ]; then
		"$SCRIPTS/deps.sh"
		STOCK_IMAGE=${STOCK_IMAGE:-$(IMAGE='' STOCK=1 "$SCRIPTS/image.sh")}
		IMAGE=${IMAGE:-$(STOCK=0 "$SCRIPTS/image.sh")}
	fi
	SELFTESTS=${SELFTESTS:-$("$SCRIPTS/selftests.sh" --all)}
	mkdir -p "$DIR"
	exec 6>"$DIR/lock"
	flock -n 6 || die "another make selftests is running here"
	[ -n "$(programs)" ] || die "ONLY='$ONLY': no such selftest; there are: $(find "$SELFTESTS" -type f -printf '%f\n' | sort | paste -sd' ')"
	FILES="${FILES:-} selftests=$SELFTESTS"
	[ "$GIC" = 3 ] || APPEND="${APPEND:-} kvm-arm.vgic_v4_enable=1"
	export FILES GIC MEM=${MEM:-2G}
	say "$(programs | wc -l) selftests on two kernels, up to $LIMIT s each (console: ${DIR#"$ROOT"/}/*.console)"
	run stock "$STOCK_IMAGE" 6>&- &
	pid=$!
	trap 'end_tree "$pid"' EXIT
	run ours "$IMAGE" 6>&- || status=1
	wait "$pid" || status=1
	trap - EXIT
	[ "$status" = 0 ] || die "not all of them could be run"
	# One that took stock nearly as long as it may take.
	again=$(python3 "$SCRIPTS/selftests_table.py" --slower "$DIR/stock" "$DIR/ours" | paste -sd' ')
	[ -z "$again" ] || {
		say "Again with three times the limit: $again"
		ONLY=$again LIMIT=$((LIMIT * 3))
		mapfile -t again < <(programs)
		guest ours "$IMAGE" "${again[@]}" || say "note: that guest did not end well"
	}
	python3 "$SCRIPTS/selftests_table.py" "$DIR/stock" "$DIR/ours"
}

main
