// SPDX-License-Identifier: MIT
#ifndef PROCFD_TOOLS_WATCHED_HPP
#define PROCFD_TOOLS_WATCHED_HPP

#include <optional>
#include <string>
#include <vector>

#include "command.hpp"
#include "names.hpp"

/// Waiting for several processes at once, and stopping them.
namespace command {

/// A process that is waited for.
struct watched {
	std::string path;
	procfd::process process;
	std::optional<procfd::wait_status> status; ///< once it has ended
	bool failed = false; ///< it cannot be waited for; that has been said
	bool whole = false; ///< wait until nobody is left of its tree
	bool first_ended = false; ///< of a tree that is waited for as a whole

	[[nodiscard]] bool pending() const { return !status && !failed; }
};

/// Open all names, or say which cannot be.
/// \return  the processes, or nothing if one failed
std::optional<std::vector<watched>> open_all(const operands &names,
					     procfd::access wanted);

/// Ask whether it has ended. Says so if that cannot be asked.
void look(watched &one);

/// Look at all that are pending, and wait until one is not any more.
/// \param deadline  absent: for ever
/// \return  whether one has ended or failed, or the first of a tree has ended
bool await_one(std::vector<watched> &all,
	       std::optional<clock::time_point> deadline);

/// \return  whether one is pending
bool any_pending(const std::vector<watched> &all);

/// How to stop a process: signals, and how long to wait after each.
class schedule {
public:
	/// \param text  as --retry of start-stop-daemon(8): "TIMEOUT", or items
	///	"SIGNAL", "-SIGNAL", "TIMEOUT" and "forever" with slashes between
	/// \param first  the signal that a lone TIMEOUT begins with
	/// \throw  misuse
	static schedule parse(const std::string &text, int first);

	/// What to do next.
	struct step {
		std::vector<int> signals; ///< send these
		/// then wait so long; absent: this was the last step
		std::optional<std::chrono::nanoseconds> patience;
	};
	step next();

private:
	struct item {
		std::optional<int> signo; ///< or else
		std::chrono::nanoseconds patience;
	};
	static item parse_item(std::string_view text);

	std::vector<item> items_;
	std::optional<std::size_t> repeat_; ///< where "forever" goes back to
	std::size_t at_ = 0;
};

/// What stop and run --timeout do unless told otherwise.
constexpr const char *default_schedule = "TERM/CONT/30/KILL/5";

/// Send a signal to a process that is waited for. One that has ended meanwhile
/// is looked at; any other failure is said.
/// \param whom  scope::main without a tree
void send(watched &one, int signo, procfd::scope whom = procfd::scope::main);

} // namespace command

#endif
