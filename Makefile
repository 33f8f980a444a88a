# SPDX-License-Identifier: GPL-2.0-only
# One line per target; the work is in scripts/.
PAGE_SIZE ?= 4k
export PAGE_SIZE ALL ONLY UPDATE JOBS MUTANTS GIC CPU SMP ACPI KERNEL_TREE STOCK KVM EL2_DEBUG IMAGE PART SIGNOFF OUT V SINCE FORCE

# Before all else: an option that is misspelt, or has a value which it cannot have.
GIVEN := $(foreach v,$(.VARIABLES),$(if $(findstring command,$(origin $v)),'$v'))
TARGETS := boot test bench fuzz prove coverage image shell guest selftests deb tree export series b4 clean

.PHONY: help options $(TARGETS)

help:
	@echo 'make boot     build, boot under QEMU in protected mode, report who owns the ITS'
	@echo '              [PAGE_SIZE=4k|16k|64k] [GIC=3|4] [CPU=cortex-a53|max|...] [SMP=n]'
	@echo '              [ACPI=1|gicc: UEFI firmware, ACPI] [KERNEL_TREE=path]'
	@echo 'make test     everything: the series, the builds, the guests (35 to 80 minutes); ALL=1: what it'
	@echo '              otherwise does a share of, too (three hours)'
	@echo 'make shell    the same boot with a console to type at, selftests in the path; the options of boot'
	@echo '              [GDB=1: wait for a debugger, EL2 has symbols, too]'
	@echo 'make guest    the same boot with a Linux guest under QEMU in it, and its console to type at'
	@echo '              [PAGE_SIZE=] [GIC=4: its interrupts are vLPIs] [CPU=] [SMP=]'
	@echo 'make selftests  every KVM selftest, on stock and on ours, in one table'
	@echo '              [CPU=] [GIC=] [PAGE_SIZE=] [SMP=] [LIMIT=60] [ONLY="name ..."]'
	@echo 'make deb      [CONFIG=/boot/config-...]: a package for a real arm64 machine'
	@echo 'make bench    what it costs, counted: stock against patched, in bench/RESULTS.md'
	@echo "make fuzz     libFuzzer on EL2's code in user space, for T=60 seconds; what it covers"
	@echo "make coverage lines of EL2's code that guests reach, beside those that user space does"
	@echo "make prove    CBMC on EL2's code, for every input; PAGE_SIZE= of the host, ALL=1: each"
	@echo '              [ONLY=proof or mutant] [UPDATE=1: write tests/proof/baseline.txt]'
	@echo 'make -s image [PAGE_SIZE=] [STOCK=1] [KVM=0] [EL2_DEBUG=0]: build, print the path of the Image'
	@echo 'make tree     build/linux: the 7.3 base and patches/ as commits [KERNEL_TREE=path]'
	@echo 'make export   patches/ and the exported files from the commits of build/linux'
	@echo '              [FORCE=1: also over patches that were edited by hand]'
	@echo "make series   PART=n SIGNOFF='Name <mail>' [OUT=folder] [V=n] [SINCE=tag]:"
	@echo '              the mails of one part, in build/series/<part>; without PART: which there are'
	@echo "make b4       PART=n SIGNOFF='Name <mail>' [V=n]: the same as a branch of b4, in build/b4/linux"
	@echo 'make clean    remove what was built; build/linux and the downloads stay'

$(TARGETS): options

options:
	@scripts/make-options.sh $(or $(MAKECMDGOALS),help) -- $(GIVEN)

boot:
	@scripts/boot.sh

test:
	@scripts/test.sh

shell:
	@scripts/shell.sh

guest:
	@scripts/guest.sh

selftests:
	@scripts/all-selftests.sh

deb:
	@scripts/deb.sh

bench:
	@scripts/bench.sh

fuzz:
	@scripts/deps.sh clang llvm libclang-rt-14-dev
	@scripts/tree.sh --soft
	@tests/model/fuzz.sh T=$(or $(T),60) SHIFT=$(or $(SHIFT),12)

coverage:
	@scripts/deps.sh clang llvm libclang-rt-14-dev
	@scripts/tree.sh --soft
	@tests/coverage.sh

prove:
	@scripts/deps.sh
	@scripts/tree.sh --soft
	@scripts/prove.sh

image:
	@scripts/image.sh

tree:
	@scripts/deps.sh
	@scripts/tree.sh

export:
	@scripts/export.sh

series:
	@scripts/series.sh

b4:
	@scripts/b4.sh

clean:
	@scripts/clean.sh
