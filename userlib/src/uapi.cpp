// SPDX-License-Identifier: MIT
//
// The binary interface, checked when the library is built: what is stated here
// is what programs in the field rely on. No code comes out of this file.

#include <cstddef>

#include <procfd/flags.hpp>
#include <procfd/process_info.hpp>

#include "../../uapi/procfd.h"

namespace {

#define AT(type, member, offset) \
	static_assert(offsetof(struct type, member) == (offset))

static_assert(sizeof(procfd_query) == PROCFD_QUERY_SIZE_VER0);
AT(procfd_query, abi, 0);
AT(procfd_query, fork_flags, 4);
AT(procfd_query, open_flags, 8);
AT(procfd_query, info_flags, 12);
AT(procfd_query, flink_flags, 16);
AT(procfd_query, reserved, 20);
AT(procfd_query, info_mask, 24);
AT(procfd_query, features, 32);

static_assert(sizeof(procfd_fork) == PROCFD_FORK_SIZE_VER0);
AT(procfd_fork, flags, 0);
AT(procfd_fork, reserved, 4);

static_assert(sizeof(procfd_open) == PROCFD_OPEN_SIZE_VER0);
AT(procfd_open, pid, 0);
AT(procfd_open, flags, 4);

static_assert(sizeof(procfd_flink) == PROCFD_FLINK_SIZE_VER0);
AT(procfd_flink, fd, 0);
AT(procfd_flink, dirfd, 4);
AT(procfd_flink, name, 8);
AT(procfd_flink, flags, 16);
AT(procfd_flink, reserved, 20);

static_assert(sizeof(procfd_info) == PROCFD_INFO_SIZE_VER1);
AT(procfd_info, mask, 0);
AT(procfd_info, flags, 8);
AT(procfd_info, state, 12);
AT(procfd_info, deadline_ns, 16);
AT(procfd_info, id, 24);
AT(procfd_info, pid, 32);
AT(procfd_info, status, 36);
AT(procfd_info, attributes, 40);
AT(procfd_info, reserved, 44);
AT(procfd_info, utime_usec, 48);
AT(procfd_info, stime_usec, 56);
AT(procfd_info, maxrss_kb, 64);
AT(procfd_info, minflt, 72);
AT(procfd_info, majflt, 80);
AT(procfd_info, started_ns, 88);
AT(procfd_info, exited_ns, 96);
AT(procfd_info, live, 104);
AT(procfd_info, born, 112);
AT(procfd_info, born_dead, 120);
AT(procfd_info, main_id, 128);
AT(procfd_info, main_pid, 136);
AT(procfd_info, ended_main_status, 140);
AT(procfd_info, ended_main_id, 144);
AT(procfd_info, tree_utime_usec, 152);
AT(procfd_info, tree_stime_usec, 160);
AT(procfd_info, tree_maxrss_kb, 168);
AT(procfd_info, tree_minflt, 176);
AT(procfd_info, tree_majflt, 184);

static_assert(sizeof(procfd_signal) == PROCFD_SIGNAL_SIZE_VER0);
AT(procfd_signal, signal, 0);
AT(procfd_signal, scope, 4);
AT(procfd_signal, flags, 8);
AT(procfd_signal, reserved, 12);
AT(procfd_signal, sent, 16);
AT(procfd_signal, refused, 20);

static_assert(sizeof(procfd_member) == 32);
AT(procfd_member, id, 0);
AT(procfd_member, parent_id, 8);
AT(procfd_member, started_ns, 16);
AT(procfd_member, pid, 24);
AT(procfd_member, reserved, 28);

static_assert(sizeof(procfd_members) == PROCFD_MEMBERS_SIZE_VER0);
AT(procfd_members, members, 0);
AT(procfd_members, count, 8);
AT(procfd_members, reserved, 12);

#undef AT

static_assert(PROCFD_QUERY_SIZE_VER0 == 40);
static_assert(PROCFD_FORK_SIZE_VER0 == 8);
static_assert(PROCFD_OPEN_SIZE_VER0 == 8);
static_assert(PROCFD_FLINK_SIZE_VER0 == 24);
static_assert(PROCFD_INFO_SIZE_VER0 == 104);
static_assert(PROCFD_INFO_SIZE_VER1 == 192);
static_assert(PROCFD_SIGNAL_SIZE_VER0 == 24);
static_assert(PROCFD_MEMBERS_SIZE_VER0 == 16);

static_assert(PROCFD_IOC_QUERY == 0x8028d600);
static_assert(PROCFD_IOC_FORK == 0x4008d601);
static_assert(PROCFD_IOC_CANCEL == 0xd602);
static_assert(PROCFD_IOC_OPEN == 0x4008d603);
static_assert(PROCFD_IOC_FLINK == 0x4018d604);
static_assert(PROCFD_IOC_INFO == 0xc0c0d610);
static_assert(PROCFD_IOC_SET_KILL_ON_CLOSE == 0x4004d611);
static_assert(PROCFD_IOC_SIGNAL == 0xc018d612);
static_assert(PROCFD_IOC_MEMBERS == 0xc010d613);

// The library's own types hand their bits over as they are.
template <typename T>
constexpr bool is(T ours, unsigned theirs)
{
	return static_cast<unsigned>(ours) == theirs;
}

using procfd::fork_flags;
using procfd::link_flags;
using procfd::open_flags;
using procfd::process_state;

static_assert(is(fork_flags::nonblock, PROCFD_NONBLOCK));
static_assert(is(fork_flags::kill_on_close, PROCFD_KILL_ON_CLOSE));
static_assert(is(fork_flags::quiet, PROCFD_QUIET));
static_assert(is(fork_flags::tree, PROCFD_TREE));
static_assert(is(procfd::scope::process, PROCFD_SCOPE_PROCESS));
static_assert(is(procfd::scope::main, PROCFD_SCOPE_MAIN));
static_assert(is(procfd::scope::group, PROCFD_SCOPE_GROUP));
static_assert(is(procfd::scope::tree, PROCFD_SCOPE_TREE));
static_assert(is(open_flags::nonblock, PROCFD_NONBLOCK));
static_assert(is(link_flags::replace, PROCFD_LINK_REPLACE));
static_assert(is(link_flags::replace_dead, PROCFD_LINK_REPLACE_DEAD));
static_assert(is(link_flags::durable, PROCFD_LINK_DURABLE));
static_assert(is(process_state::unbound, PROCFD_STATE_UNBOUND));
static_assert(is(process_state::running, PROCFD_STATE_RUNNING));
static_assert(is(process_state::exited, PROCFD_STATE_EXITED));
static_assert(is(process_state::dropped, PROCFD_STATE_DROPPED));

} // namespace
