# SPDX-License-Identifier: GPL-2.0-only
# With every ITS in EL2's hands both kinds of guests are welcome.
. /tests/lib.sh
need_owned
check "EL2 allows protected guests" grep -q '^protected_guests allowed$' $ITS
check "a protected guest is created" /pvm protected
check "an ordinary guest is created" /pvm ordinary
finish
