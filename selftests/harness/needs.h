/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test program cannot do without. It is asked before the plan is printed: if
 * something is missing, all of the program is skipped, with the reason.
 */
#ifndef PROCFD_SELFTESTS_NEEDS_H
#define PROCFD_SELFTESTS_NEEDS_H

#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

/* An object of this, made before main(), is one such thing. */
class need {
public:
	/* @missing says why the program cannot run, or nothing. */
	explicit need(std::string (*missing)()) { all().push_back(missing); }

	static std::string first_missing()
	{
		for (const auto missing : all())
			if (const std::string why = missing(); !why.empty())
				return why;
		return "";
	}

private:
	static std::vector<std::string (*)()> &all()
	{
		static std::vector<std::string (*)()> list;

		return list;
	}
};

/* Is it in one of the directories of $PATH? */
inline bool has_program(const std::string &name)
{
	std::istringstream path(getenv("PATH") ?:
						 "/sbin:/usr/sbin:/bin:/usr/bin");

	for (std::string dir; std::getline(path, dir, ':');)
		if (!access((dir + "/" + name).c_str(), X_OK))
			return true;
	return false;
}

#endif /* PROCFD_SELFTESTS_NEEDS_H */
