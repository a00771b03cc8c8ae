/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROCFD_BENCH_MEMORY_HPP
#define PROCFD_BENCH_MEMORY_HPP

namespace bench {

/* The kernel's objects that are charged to our cgroup, in bytes. */
double slab_bytes();

} // namespace bench

#endif /* PROCFD_BENCH_MEMORY_HPP */
