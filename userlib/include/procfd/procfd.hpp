// SPDX-License-Identifier: MIT
#ifndef PROCFD_PROCFD_HPP
#define PROCFD_PROCFD_HPP

/// \file
/// procfd: processes as files, from C++20. This header includes all others but
/// asio.hpp.
///
/// One call here is one system call of the kernel module plus what it takes to
/// make that call safe. There are no threads, no signal handlers and no global
/// state behind it (a thread remembers its own signal_streams). Failures come back
/// as result<T>, with the errno that the kernel gave; nothing throws, except where
/// a name or a comment says so.

#include <procfd/command.hpp>
#include <procfd/device.hpp>
#include <procfd/error.hpp>
#include <procfd/file.hpp>
#include <procfd/flags.hpp>
#include <procfd/path_arg.hpp>
#include <procfd/process.hpp>
#include <procfd/process_info.hpp>
#include <procfd/process_set.hpp>
#include <procfd/result.hpp>
#include <procfd/signal_stream.hpp>
#include <procfd/unique_fd.hpp>
#include <procfd/wait_status.hpp>

#endif
