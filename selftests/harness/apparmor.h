/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes that AppArmor confines. */
#ifndef PROCFD_SELFTESTS_APPARMOR_H
#define PROCFD_SELFTESTS_APPARMOR_H

#include <fstream>
#include <string>

#include "common.h"
#include "needs.h"

/* Why nothing can be confined here, or nothing. */
inline std::string missing_apparmor()
{
	std::ifstream enabled("/sys/module/apparmor/parameters/enabled");

	if (enabled.get() != 'Y')
		return "no AppArmor in this kernel";
	return has_program("apparmor_parser") ? "" :
						"no program apparmor_parser";
}

/* A profile, loaded for as long as the object is there. */
class apparmor_profile {
public:
	apparmor_profile(const std::string &name, const std::string &rules,
			 const std::string &flags = "")
		: name_(name), file_("/tmp/" + name)
	{
		std::ofstream(file_)
			<< "profile " << name << " " << flags << " {\n"
			<< rules << "}\n";
		must(-run("apparmor_parser -r -K " + file_));
	}
	apparmor_profile(apparmor_profile &&) = delete;
	~apparmor_profile()
	{
		must(-run("apparmor_parser -R " + file_));
		unlink(file_.c_str());
	}

	/* What @body returns where it is confined, 0 or -errno. */
	template <typename F>
	int confined(F body) const
	{
		child c = start_without_descriptor([&] {
			device();
			enter();
			return -body();
		});
		const int status = c.wait();

		return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
	}

private:
	void enter() const
	{
		unique_fd attr(
			must(or_errno(open("/proc/self/attr/apparmor/current",
					   O_WRONLY | O_CLOEXEC))));

		must(int(write_to(attr, "changeprofile " + name_)));
	}

	std::string name_, file_;
};

#endif /* PROCFD_SELFTESTS_APPARMOR_H */
