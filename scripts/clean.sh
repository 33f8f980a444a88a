#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Removes what was built. build/linux may hold work: it stays, and so do the downloads.
. "$(dirname "$0")/lib.sh"
rm -rf "$BUILD"/{all-selftests,base,bench,deb,images,initramfs,log,model,out,selftests,series,test,walk} "$BUILD"/*.lock
