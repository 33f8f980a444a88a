# SPDX-License-Identifier: GPL-2.0-only
# KVM selftests, each in its own time limit: args=name,name...; + joins a name and its arguments.
. /tests/lib.sh
need_owned
cd /selftests || { not_ok "no selftests in this guest"; finish; }
# A selftest with a guest opens itself by the name it is called by.
PATH=$PWD:$PATH
# For those of the series there is all that they need.
skipped() {
	case $1 in
	its_*) not_ok "$1 skipped: $2" ;;
	*) skip "$1: $2" ;;
	esac
}
for test in "$@"; do
	set -- $(echo "$test" | tr '+' ' ')
	status=0 began=$(cut -d. -f1 /proc/uptime)
	case $1 in
	its_*) limited "${LIMIT:-100}" "$@" || status=$? ;;
	*) twice "${LIMIT:-100}" "$@" || status=$? ;;
	esac
	case $status in
	0) ok "$(basename $1), $(($(cut -d. -f1 /proc/uptime) - began)) s" ;;
	4) skipped "$(basename $1)" "$(grep -i skip /tmp/log | tail -n 1)" ;;
	*) not_ok "$(basename $1) - status $status"; { grep '^#' /tmp/log; grep '^not ok' /tmp/log; tail -n 5 /tmp/log; } | sed 's/^/  /' ;;
	esac
done
finish
