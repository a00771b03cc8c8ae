// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer's end: each input goes to a sandbox, and what the module has counted
 * meanwhile (module/debug/coverage.c) becomes libFuzzer's counters. What happens goes
 * to standard output line by line, so that the host has all of it when the kernel
 * dies:
 *
 *	run HEX		this input begins
 *	new HEX		it has reached what none before had
 *	pc OFFSET	what that was, in bytes from procfd_coverage_origin
 *	bad HEX REASON	it did not end, or something of it stayed
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <sys/mman.h>

#include "../module/debug/coverage.h"
#include "../selftests/harness/common.h"
#include "calls.hpp"
#include "sandbox.hpp"

extern "C" {
std::size_t LLVMFuzzerMutate(std::uint8_t *, std::size_t, std::size_t);
}

/* libFuzzer takes them for its own, and clears them before each input. */
__attribute__((section("__libfuzzer_extra_counters"))) static std::uint8_t
	counters[PROCFD_COVERAGE_SIZE];

static std::uint8_t *hits;
static std::vector<bool> seen(PROCFD_COVERAGE_SIZE);
static int references;

static void tell(const char *what, fuzz::bytes input,
		 const std::string &why = {})
{
	std::string line(what);

	line += ' ';
	for (std::uint8_t byte : input) {
		char hex[3];

		snprintf(hex, sizeof(hex), "%02x", byte);
		line += hex;
	}
	if (!why.empty())
		line += ' ' + why;
	line += '\n';
	must(int(or_errno(write(1, line.data(), line.size()))));
}

/* Before libFuzzer has begun: what loading the module has run counts as reached. */
extern "C" int LLVMFuzzerInitialize(int *, char ***)
{
	const int fd = must(
		or_errno(open(PROCFD_COVERAGE_DEVICE, O_RDWR | O_CLOEXEC)));
	void *at = mmap(nullptr, PROCFD_COVERAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		must(-errno);
	hits = static_cast<std::uint8_t *>(at);
	references = fuzz::module_references();
	return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data,
				      std::size_t size)
{
	const fuzz::bytes input(data, size);
	std::vector<long> fresh;
	std::string wrong;

	tell("run", input);
	memset(hits, 0, PROCFD_COVERAGE_SIZE);
	wrong = fuzz::run_input(input, references, getenv("FUZZ_VERBOSE"));
	memcpy(counters, hits, PROCFD_COVERAGE_SIZE);

	for (std::size_t i = 0; i < PROCFD_COVERAGE_SIZE; i++) {
		if (counters[i] && !seen[i]) {
			seen[i] = true;
			fresh.push_back(long(i));
		}
	}
	if (!fresh.empty())
		tell("new", input);
	for (long i : fresh)
		printf("pc %ld\n", i);
	fflush(stdout);
	if (!wrong.empty()) {
		tell("bad", input, wrong);
		abort();
	}
	return 0;
}

/*
 * Half of the time whole calls are moved, doubled, dropped or made anew; the rest
 * is libFuzzer's own, which knows bytes.
 */
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t *data,
					       std::size_t size,
					       std::size_t max, unsigned seed)
{
	constexpr std::size_t one = fuzz::call_size;
	const auto random = [&seed] {
		seed = seed * 1103515245 + 12345;
		return seed >> 8 & 0xffff;
	};
	const std::size_t n = size ? (size - 1) / one : 0;
	const auto at = [&](std::size_t i) { return data + 1 + i * one; };

	if (random() % 2 || !n)
		return LLVMFuzzerMutate(data, size, max);
	const std::size_t i = random() % n, j = random() % n;

	size = 1 + n * one;
	switch (random() % 6) {
	case 0: /* drop */
		memmove(at(i), at(i + 1), (n - i - 1) * one);
		return size - one;
	case 1: { /* swap */
		std::uint8_t call[one];

		memcpy(call, at(i), one);
		memmove(at(i), at(j), one);
		memcpy(at(j), call, one);
		return size;
	}
	case 2: /* by another actor */
		at(i)[0] ^= std::uint8_t(0x40 << random() % 2);
		return size;
	case 3: /* other arguments */
		at(i)[1 + random() % 3] = std::uint8_t(random());
		return size;
	case 4: /* double */
		if (size + one > max)
			return size;
		memmove(at(j + 1), at(j), (n - j) * one);
		memmove(at(j), at(i > j ? i + 1 : i), one);
		return size + one;
	default: /* a new one */
		if (size + one > max)
			return size;
		memmove(at(j + 1), at(j), (n - j) * one);
		for (std::size_t k = 0; k < one; k++)
			at(j)[k] = std::uint8_t(random());
		return size + one;
	}
}
