# SPDX-License-Identifier: GPL-2.0-only
# What one does with the tree; Kbuild builds the module itself.
# K= and the like take a row of scripts/kernel/rows or the version of one's kernel.
KVER ?= $(shell uname -r)
PREFIX ?= /usr/local
BUILD := $(CURDIR)/build
# What `make demo` runs on.
DEMO_KERNEL ?= stable
# What `make bench` runs on.
BENCH_KERNELS ?= oldest newest

help:
	@echo 'For users:'
	@echo '  make demo [K=stable]    a real daemon forked, signalled and waited for, in a VM'
	@echo '  make module [KDIR=...]  the module, for the running kernel or a kernel tree'
	@echo '  make userlib            the C++ library and its command line tool'
	@echo '  make install            both, manual pages, and for systemd (PREFIX=, DESTDIR=, KDIR=;'
	@echo '                          SYSTEMD=no leaves udev rule, modules-load.d and mount unit out)'
	@echo '  make uninstall          the same variables: removes what make install put there'
	@echo '  make dkms-install       the module by dkms, for this and later kernels; dkms-remove'
	@echo '  make deb [K=6.1]        Debian packages, in build/deb/'
	@echo '  make doc                the reference of the library, as HTML'
	@echo 'For developers (kernels: a row of scripts/kernel/rows, as oldest, stable, testing,'
	@echo 'newest, or the version of one, as 6.12):'
	@echo '  make check [T="a_test"]  harness and selftests on all kernels; STRICT=1: fails for'
	@echo '                          one that cannot be had or is newer than what was tested'
	@echo '  make qemu-stable        the selftests on one kernel'
	@echo '  make qemu-6.12 T=poll_test [F="gtest filter"]'
	@echo '                          one of them (or several: T="a_test b_test")'
	@echo '  make qemu-NAME KERNEL=bzImage KDIR=tree [MODULES_DIR=.../lib/modules/VERSION]'
	@echo '                          the same on any other kernel'
	@echo '  make shell-stable       a shell in the VM, module loaded'
	@echo '  make check-bare [SUITE=trixie] [CASE=demo]'
	@echo '                          this page in a Debian that has git and make only'
	@echo '  make check-install      make install and uninstall, against the list of files'
	@echo '  make check-packages [K=6.1] [BOOT=no]'
	@echo '                          the packages: built twice, installed, booted with systemd, removed'
	@echo '                          (BOOT=no: built once, installed and removed, in minutes)'
	@echo '  make check-race [K=stable] the tests of races, on a module with delays where they are'
	@echo '  make check-kselftest [K=stable] [BOOT=no]'
	@echo '                          the selftests in a kernel tree, by kselftest: here, where all'
	@echo '                          are skipped without the module, and in a VM (BOOT=no: not there)'
	@echo '  make coverage [K=oldest] [T="a_test"]'
	@echo '                          lines and branches of module and library that the tests run;'
	@echo '                          fails for a line that has no reason not to be'
	@echo '  make fuzz MINUTES=30 [K=oldest] [SEED=n]'
	@echo '                          fuzz the module on a kernel that watches itself; new'
	@echo '                          inputs go to fuzz/corpus, coverage is printed'
	@echo '  make fuzz-again INPUT=file [K=oldest]'
	@echo '                          one input, its calls told one by one'
	@echo '  make fuzz-parser [SECONDS=30]'
	@echo '                          fuzz the text of write(2) and the mount options in user'
	@echo '                          space'
	@echo '  make bench [K=oldest]   measure beside the peers, on $(BENCH_KERNELS); prints the tables'
	@echo '  make bench-report       the same into Documentation/performance.md, with plots'
	@echo '  make bench-check [K=]   measure, and compare with the page'
	@echo '  make bench-profile GROUP=signal CASE="signal, ignored" [SUBJECT=] [K=oldest]'
	@echo '                          where the instructions of a case go, by function'
	@echo '  make check-sanitize [K=oldest] [FLAVOUR=kasan] [T="a_test"]'
	@echo '                          the selftests on a kernel that watches itself (kcsan: for'
	@echo '                          races; the first time builds it: half an hour)'
	@echo '  make check-alive        plant bugs and see that such a kernel reports them'
	@echo '  make matrix             build the module for all kernels, warnings are errors'
	@echo '  make selftests          build the tests only'
	@echo '  make check-userlib      the library under ASan, UBSan and valgrind, in a VM'
	@echo '  make style              checkpatch, sparse, clang-format, shellcheck ...'
	@echo '  make clean              remove build/ (PROCFD_CACHE keeps kernels and build roots)'

# In a copy, as for the VM: the tree stays clean.
module:
	@KDIR=$(or $(KDIR),/lib/modules/$(KVER)/build) scripts/kernel/build-module local $(KFLAGS)

userlib:
	@scripts/deps build
	cmake -S userlib -B $(BUILD)/lib -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DCMAKE_INSTALL_PREFIX=$(PREFIX) -DPROCFD_TESTS=OFF
	cmake --build $(BUILD)/lib

doc:
	@scripts/deps build doc
	cmake -S userlib -B $(BUILD)/lib -DPROCFD_TESTS=OFF
	cmake --build $(BUILD)/lib --target doc

selftests:
	@scripts/build-tests

demo:
	@scripts/vm/run --script scripts/demo/guest $(or $(K),$(DEMO_KERNEL))

check:
	@T='$(T)' scripts/check

check-bare:
	@scripts/bare/check $(SUITE) $(CASE)

check-userlib:
	@scripts/sanitize/userlib $(or $(K),$(DEMO_KERNEL))

check-harness:
	@scripts/vm/tests/check

coverage:
	@scripts/coverage $(or $(K),oldest) $(T)

check-kselftest:
	@scripts/check-kselftest $(if $(filter no,$(BOOT)),--no-vm) $(or $(K),stable) $(T)

check-race:
	@scripts/check-race $(K)

qemu-%:
	@scripts/vm/run $(if $(F),--filter '$(F)') $* $(T)

check-sanitize:
	@scripts/sanitize/check $(if $(F),--filter '$(F)') \
		$(or $(K),oldest) $(or $(FLAVOUR),kasan) $(T)

check-alive:
	@scripts/sanitize/alive $(or $(K),oldest)

shell-%:
	@scripts/vm/shell $*

fuzz:
	@fuzz/run $(or $(MINUTES),30) $(or $(K),oldest)

fuzz-again:
	@fuzz/run --again '$(INPUT)' $(or $(K),oldest)

fuzz-parser:
	@fuzz/parser $(or $(SECONDS),30)

matrix:
	@scripts/kernel/matrix

bench bench-report bench-check:
	@scripts/deps bench
	@for k in $(or $(K),$(BENCH_KERNELS)); do row=$$(scripts/bench/run $$k) || exit; \
		rows="$$rows $$row"; done; scripts/bench/report $(BENCH_$@) $$rows
BENCH_bench-report := --write
BENCH_bench-check := --check

bench-profile:
	@scripts/deps bench
	@scripts/bench/profile $(if $(K),--kernel '$(K)') $(if $(SUBJECT),--subject '$(SUBJECT)') \
		'$(GROUP)' '$(CASE)'

style:
	@scripts/style

deb:
	@scripts/package $(K)

check-install:
	@scripts/system/check-install

check-packages:
	@scripts/system/check $(if $(filter no,$(BOOT)),--no-boot) $(or $(K),6.1)

install: module userlib install-system
	install -D -m 0644 $(BUILD)/local/src/procfd.ko \
		$(DESTDIR)/lib/modules/$(KVER)/updates/procfd.ko
	$(if $(DESTDIR),,depmod $(KVER))
	DESTDIR=$(DESTDIR) cmake --install $(BUILD)/lib --prefix $(PREFIX)

# What is neither the module nor the library's: its manual pages, and what makes a
# system load it and mount its names.
install-system:
	for page in Documentation/man/*.[24578]; do \
		install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page || exit; \
	done
	cd packaging/examples && find . -type f -exec install -D -m 0644 {} \
		$(DESTDIR)$(PREFIX)/share/doc/procfd/examples/{} \;
ifneq ($(SYSTEMD),no)
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system packaging/run-procfd.mount
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/lib/udev/rules.d packaging/60-procfd.rules
	install -D -m 0644 packaging/modules-load.conf \
		$(DESTDIR)$(PREFIX)/lib/modules-load.d/procfd.conf
endif

# Installed once more, to see what there is to remove.
uninstall:
	rm -rf $(BUILD)/installed
	@$(MAKE) --no-print-directory install DESTDIR=$(BUILD)/installed
	cd $(BUILD)/installed && find . ! -type d -print0 | \
		(cd $(or $(DESTDIR),/) && xargs -0 rm -f)
	cd $(BUILD)/installed && find . -depth -type d -path '*/procfd*' -print0 | \
		(cd $(or $(DESTDIR),/) && xargs -0 rmdir --ignore-fail-on-non-empty)
	$(if $(DESTDIR),,depmod $(KVER))
	rm -rf $(BUILD)/installed

VERSION := $(file <VERSION)
dkms-install:
	@command -v dkms >/dev/null || { echo 'dkms is missing: apt-get install dkms' >&2; exit 1; }
	install -d /usr/src/procfd-$(VERSION)
	cp -r Kbuild module uapi /usr/src/procfd-$(VERSION)
	sed 's/#MODULE_VERSION#/$(VERSION)/' packaging/dkms.conf.in >/usr/src/procfd-$(VERSION)/dkms.conf
	dkms install procfd/$(VERSION) -k $(KVER)

dkms-remove:
	dkms remove procfd/$(VERSION) --all
	rm -rf /usr/src/procfd-$(VERSION)

clean:
	rm -rf $(BUILD)

export KDIR KERNEL MODULES_DIR SEED STRICT

.PHONY: help module userlib doc selftests demo check check-kselftest check-userlib check-harness check-bare check-race \
	check-sanitize check-alive fuzz fuzz-again fuzz-parser coverage matrix style clean \
	install install-system uninstall dkms-install dkms-remove deb check-install check-packages \
	bench bench-report bench-check bench-profile
