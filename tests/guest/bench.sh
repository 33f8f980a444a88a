# SPDX-License-Identifier: GPL-2.0-only
# bench.sh SECTION: prints "bench NAME VALUE", for scripts/bench.sh. A value is a
# number of instructions unless its name says otherwise, and the least of its rounds.
. /tests/lib.sh

PCI=0000:00:01.0
EDU=0000:00:10.0
SLEEPS=1000
HYP=/sys/kernel/tracing/remotes/hypervisor
OP=/sys/kernel/debug/its_bench

die() { echo "not ok $NAME: $*"; exit 1; }

# bench NAME VALUE: only a number is a result.
bench() {
	case $2 in
	'' | *[!0-9.]*) die "$1 is not a number: '$2'" ;;
	esac
	echo "bench $1 $2"
}

# writes CLOCK ROUNDS FILE A [FILE B]
writes() { timeout 100 /bench writes "$@" || die "cannot measure: $*"; }

# op NAME ROUNDS, of the module
op() {
	timeout 100 sh -c "echo '$1 $2' > $OP" && cat $OP > /tmp/op || die "cannot measure: $1"
	while read -r name value; do bench "$name" "$value"; done < /tmp/op
}

affinity_file() {
	local irq
	irq=$(awk '/ITS/ && /its_bench/ { sub(":", "", $1); print $1; exit }' /proc/interrupts)
	[ -n "$irq" ] || die "no interrupt of its_bench"
	echo /proc/irq/$irq/smp_affinity
}

measure_affinity() {
	affinity=$(affinity_file)
	bench syscall $(writes time 64 /dev/null 2)
	# Once around the queue: each of its pages has been touched since the hand-over.
	set -- $(writes time 600 $affinity 2 $affinity 1)
	bench affinity_to_1 "$1"
	bench affinity_to_0 "$2"
}

# bind_module PCI-ADDRESS: from here on it is the module's.
bind_module() {
	insmod /lib/its_bench.ko || die "the module does not load"
	echo its_bench > /sys/bus/pci/devices/$1/driver_override
	echo $1 > /sys/bus/pci/drivers/its_bench/bind || die "the module does not bind"
	[ -f $OP ] || die "the module offers nothing"
}

load_module() {
	echo $PCI > /sys/bus/pci/drivers/virtio-pci/unbind
	bind_module $PCI
}

trace_events() {
	local event
	for event in hyp_enter selftest; do
		echo "$1" > $HYP/events/hypervisor/$event/enable || die "no event $event"
	done
}

# Between the two marks the program does nothing else; the second mark is an
# entry of its own. "trace" would not show the last page: trace_pipe does.
entries_once() {
	local what=$1 clock=$2 rounds=$3
	shift 3
	echo 1 > $HYP/tracing_on
	MARK=$HYP/write_event timeout 100 /bench "$what" "$clock" "$rounds" "$@" > /dev/null || return 1
	echo 0 > $HYP/tracing_on
	timeout 1 cat $HYP/trace_pipe > /tmp/trace 2>/dev/null
	! grep -q LOST /tmp/trace || return 1
	awk '/selftest id=1$/ { on = 1; n = 0 } /hyp_enter/ && on { n++ }
		/selftest id=2$/ && on { print n - 1; exit }' /tmp/trace
}

# count_entries NAME ROUNDS bench-arguments...: how often EL2 was entered, the least of
# five attempts, in $COUNTED: the trace itself keeps its clock right with a hypercall
# now and then, and the host may touch a page anew. An event that is on slows EL2
# down: only here. "window" tells scripts/bench.sh what the next five are in QEMU's trace.
count_entries() {
	local name=$1 rounds=$2 what=$3 clock=$4 n least=
	shift 4
	echo 4096 > $HYP/buffer_size_kb || die "no $HYP"
	trace_events 1
	for _ in 1 2 3 4 5; do
		n=$(entries_once "$what" "$clock" "$rounds" "$@")
		case $n in
		'' | *[!0-9]*) die "no result from the hypervisor's trace: $name" ;;
		esac
		[ -n "$least" ] && [ "$least" -le "$n" ] || least=$n
	done
	trace_events 0
	echo "window $name"
	COUNTED=$least
}

quotient() { awk -v a="$1" -v b="$2" 'BEGIN { print a / b }'; }

# entries NAME PER-ROUND ROUNDS bench-arguments...: in an operation
entries() {
	local name=$1 per=$2 rounds=$3
	shift 3
	count_entries "$name" "$rounds" "$@"
	bench "entries_$name" "$(quotient $COUNTED $((rounds * per)))"
}

lpi_entries() {
	local rounds=256 before after
	before=$(msis)
	entries lpi 1 $rounds reads time /dev/hwrng
	after=$(msis)
	echo "  $((after - before)) LPIs in $((5 * rounds)) reads"
	[ $((after - before)) -ge $((5 * rounds)) ] || die "no LPI was delivered"
}

# The queue that software writes: its physical address and size.
queue() {
	local cbaser frame
	frame=$(dmesg | sed -n 's/.*ITS \[mem \(0x[0-9a-f]*\)-.*/\1/p' | head -n 1)
	if [ -r $ITS ]; then
		its_queue
	else
		cbaser=$(devmem $((frame + 0x80)) 64)
		echo "$frame $((cbaser & 0xffffffff000)) $((((cbaser & 0xff) + 1) * 4096))"
	fi
}

# What EL2 owns by now, as a command.
owned_among() { [ ! -r $ITS ] || echo "awk '\$1 == \"pages\" { n += \$3 } END { print \"pages_owned\", n }' $ITS"; }

# MAPD by the driver, and by a command written straight into the queue.
measure_growth() {
	queue > /tmp/queue
	set -- $(cat /tmp/queue)
	[ $# = 3 ] || die "no queue: $*"
	timeout 100 /many "$@" 1 64 512 4000 -- /bin/sh -c "echo mapd 64 > $OP; cat $OP; $(owned_among)" > /tmp/many ||
		die "many: $(tail -n 1 /tmp/many)"
	awk '$1 == "mapped" { n = $2; next } { print $1 "_" n, $2 }' /tmp/many > /tmp/growth
	timeout 100 /many "$@" 1 64 512 4000 > /tmp/many || die "many: $(tail -n 1 /tmp/many)"
	awk '{ print "mapd_raw_" $2, $4 }' /tmp/many >> /tmp/growth
	[ "$(grep -c mapd /tmp/growth)" = 12 ] || die "only $(grep -c mapd /tmp/growth) values for MAPD"
	while read -r name value; do bench "$name" "$value"; done < /tmp/growth
}

# Nobody else may use the queue meanwhile.
section_longest() {
	owned_or_die
	set -- $(queue) $(its_device_table)
	[ $# = 7 ] || die "no queue, or no first level of the Device table: $*"
	timeout 250 /longest "$@" > /tmp/longest || die "longest: $(tail -n 2 /tmp/longest) $(grep refus $ITS)"
	while read -r name value; do bench "$name" "$value"; done < /tmp/longest
}

# A bit for each INTID, in units of 64K, as GICR_PROPBASER of each redistributor says.
pending_pages() {
	local frame bits n=0
	for frame in $(sed -n 's/^rdist \(0x[0-9a-f]*\) .* pend_owner EL2.*/\1/p' $ITS); do
		bits=$((($(devmem $((frame + 0x70)) 64) & 31) + 1))
		n=$((n + ((1 << bits) / 8 + 65535) / 65536 * 16))
	done
	echo $n
}

# What EL2 owns, and how much of it the driver would not have allocated otherwise.
measure_memory() {
	[ -r $ITS ] || return 0
	bench pages_owned "$(pages_owned)"
	bench pages_pending "$(pending_pages)"
	bench pages_shadow "$({ its_values table shadow type size; its_values queue shadow shadow size; } |
		awk '$1 != "-" { n += $3 * ($2 == "Devices" || $2 == "vPEs" ? 2 : 1) }
			END { print n / 4096 }')"
	bench pages_records_state "$(awk '
		{ for (i = 1; i < NF; i++) v[$i] = $(i + 1) }
		$1 == "table" { n += v["size"] / 4096; psz[$2] = v["psz"] / 4096 }
		$1 == "l2" { n += psz[$3] }
		$1 == "queue" { n += v["size"] / 4096 }
		$1 == "devices" { n += v["itt_pages"] }
		$1 == "pages" { owned = v["owned"] }
		END { print owned - n }' $ITS)"
}

owned_or_die() {
	need_owned
	[ "$FAILED" = 0 ] || exit 1
}

section_main() {
	local driver=/sys/bus/pci/drivers/its_bench
	owned_or_die
	load_module
	measure_memory
	measure_affinity
	op mask 64
	op move 64
	op mapd 64
	op ppi 64
	measure_growth
	set -- $(writes instructions 32 $driver/unbind $PCI $driver/bind $PCI)
	bench unbind "$1"
	bench bind "$2"
	# A new interrupt perhaps.
	affinity=$(affinity_file)
	entries affinity 2 8 writes time $affinity 2 $affinity 1
	entries mask 16 1 writes time $OP "mask 8"
	entries ipi 8 1 writes time $OP "ipi 8"
	entries ppi 16 1 writes time $OP "ppi 8"
	# Of eight devices and their eight neighbours, mapped and unmapped.
	entries mapd 32 1 writes time $OP "mapd 8"
	entries rebind 1 8 writes time $driver/unbind $PCI $driver/bind $PCI
}

# The interrupt goes to the last CPU and back: MOVI, and a SYNC for the one it was on.
section_scale() {
	local last=$(($(nproc) - 1)) affinity mask
	owned_or_die
	load_module
	affinity=$(affinity_file)
	mask=$(printf '%x' $((1 << (last % 32))))$(while [ $((last -= 32)) -ge 0 ]; do printf ',00000000'; done)
	set -- $(writes time 600 $affinity $mask $affinity 1)
	bench affinity_to_last "$1"
	bench affinity_to_0 "$2"
}

# As long as the outside wants to look at it; what is done is the argument.
section_profile() {
	owned_or_die
	load_module
	echo "profile begins"
	for _ in $(seq 40); do timeout 100 sh -c "echo '$1 64' > $OP" || die "cannot do: $1"; done
}

# In a guest of its own: when the bytes come is for the outside to say.
section_lpi() {
	owned_or_die
	lpi_entries
}

section_untouched() {
	load_module
	measure_affinity
	op mask 64
	op move 64
	op mapd 64
}

# Two vPEs in each of four VMs which count, and of as many before them.
pages_for_vpes() {
	local before
	before=$(its_donated)
	timeout 100 /bench vm time 4 > /dev/null || die "no VM"
	bench pages_vpe "$(quotient $(($(its_donated) - before)) 16)"
}

section_vm() {
	owned_or_die
	set -- $(timeout 100 /bench vm instructions 16)
	bench vm_create "$1"
	bench vm_destroy "$2"
	[ ! -r $ITS ] || pages_for_vpes
	entries vm 1 4 vm time
}

# CPU 1 goes and comes back.
section_hotplug() {
	local cpu=/sys/devices/system/cpu/cpu1/online
	owned_or_die
	entries hotplug 1 1 writes time $cpu 0 $cpu 1
}

# A vCPU with a vPE waits for its timer, and so does the CPU. What it costs to run it
# at all, and to come back to user space, is taken off.
section_sleep() {
	local once many
	owned_or_die
	echo 0 > /sys/module/kvm/parameters/halt_poll_ns || die "KVM polls"
	once=$(timeout 100 /bench sleep instructions 16 0) || die "the vCPU does not run"
	many=$(timeout 100 /bench sleep instructions 4 $SLEEPS) || die "the vCPU does not sleep"
	bench sleep "$(quotient $((many - once)) $SLEEPS)"
	count_entries sleep_none 1 sleep time 0
	once=$COUNTED
	count_entries sleep 1 sleep time $SLEEPS
	bench entries_sleep "$(quotient $((COUNTED - once)) $SLEEPS)"
}

# MSIs of a device, passed on to a guest that runs.
section_vlpi() {
	owned_or_die
	bind_module $EDU
	entries vlpi 1 256 vlpi time $OP /sys/bus/pci/devices/$EDU/resource0
	[ "$(msis $EDU)" = 0 ] || die "the host took $(msis $EDU) of the guest's interrupts"
}

# A VM with two vPEs, and 512 interrupts by KVM_SIGNAL_MSI: all that the program does.
section_stress() {
	owned_or_die
	entries stress 1 1 run time /bin/vgic_lpi_stress -v 2 -d 2 -e 4 -i 64
}

# finalize_pkvm() is where the ITSs are handed over, and where CPUs lose their privileges.
section_boot() {
	local trace=/sys/kernel/tracing
	cat $trace/trace | grep -v '^#' > /tmp/named
	echo raw > $trace/trace_options
	cat $trace/trace | grep -v '^#' > /tmp/raw
	[ "$(wc -l < /tmp/named)" = "$(wc -l < /tmp/raw)" ] || die "the trace changed"
	bench finalize "$(paste /tmp/raw /tmp/named | awk '
		/initcall_start: func=finalize_pkvm/ { t = $3 }
		/initcall_finish: func=finalize_pkvm/ && t { print $3 - t }')"
	measure_memory
}

section=$1
shift
"section_$section" "$@"
finish
