// SPDX-License-Identifier: GPL-2.0-only
// Names: signalling by one, beside a pidfile; and opening one of many, beside
// a file of a tmpfs.
#include "bench.hpp"
#include "peers.hpp"

namespace bench {

namespace {

void signal_by_name(const mounted &fs)
{
	gate ready;
	const child target = start([&] {
		signal(SIGHUP, SIG_IGN);
		ready.open();
		return sleep_for_ever();
	});
	const std::string pid = std::to_string(target.pid) + "\n";

	must(ready.pass() ? 0 : -ETIMEDOUT);
	must(flink(target.fd, fs.dir, "web"));
	{
		const unique_fd file(must(
			or_errno(open("/run/web.pid",
				      O_WRONLY | O_CREAT | O_CLOEXEC, 0644))));

		must(int(write_to(file, pid)));
	}

	compare("signal by name", 300,
		{{"open the name, write a byte, close",
		  [](unsigned count) {
			  return repeat(count, [] {
				  const char byte = SIGHUP;
				  const unique_fd fd(must(or_errno(
					  open("/run/procfd/web",
					       O_WRONLY | O_CLOEXEC))));

				  must(int(or_errno(write(fd, &byte, 1))));
			  });
		  }},
		 {"open the pidfile, read, parse, kill, close",
		  [](unsigned count) {
			  return repeat(count, [] {
				  const unique_fd fd(must(or_errno(
					  open("/run/web.pid",
					       O_RDONLY | O_CLOEXEC))));
				  char text[32];
				  const int n = must(int(or_errno(
					  read(fd, text, sizeof(text) - 1))));

				  text[n] = '\0';

				  const pid_t pid =
					  pid_t(strtol(text, nullptr, 10));

				  must(pid > 0 ? 0 : -EINVAL);
				  must(or_errno(kill(pid, SIGHUP)));
			  });
		  },
		  0.60}});
	must(or_errno(unlink("/run/web.pid")));
	must(or_errno(unlinkat(fs.dir, "web", 0)));
}

std::string case_name(unsigned count)
{
	return "open one of " + std::to_string(count) + " names";
}

/* Others each time, far from each other. */
subject open_and_close(const char *name, const unique_fd &dir, unsigned names,
		       reach wanted = {})
{
	constexpr unsigned prime = 7919;

	return {name,
		[&dir, names](unsigned count) {
			std::vector<std::string> sample;

			for (unsigned i = 0; i < count; i++)
				sample.push_back(std::to_string(
					std::uint64_t(i) * prime % names));

			auto next = sample.begin();

			return repeat(count, [&] {
				unique_fd(must(or_errno(
					openat(dir, (next++)->c_str(),
					       O_RDONLY | O_CLOEXEC))));
			});
		},
		wanted};
}

/* Each of a descriptor of its own, as they would be, though of one process. */
void open_among(const mounted &fs, const unique_fd &files, unsigned count)
{
	const std::string name = case_name(count);

	if (!only.empty() && name != only)
		return;
	for (unsigned i = 0; i < count; i++) {
		const std::string entry = std::to_string(i);
		const unique_fd fd(must(open_process(0)));

		must(flink(fd, fs.dir, entry.c_str()));
		unique_fd(must(or_errno(openat(files, entry.c_str(),
					       O_WRONLY | O_CREAT | O_CLOEXEC,
					       0644))));
	}
	settle();
	compare(name, 1000,
		{open_and_close("name", fs.dir, count),
		 open_and_close("tmpfs file", files, count, 1.2)});
	if (count > 10 && only.empty())
		print_ratio(name, "name", "name, one of 10",
			    measured(name, "name") /
				    measured(case_name(10), "name"),
			    1.05);
	for (unsigned i = 0; i < count; i++) {
		const std::string entry = std::to_string(i);

		must(or_errno(unlinkat(fs.dir, entry.c_str(), 0)));
		must(or_errno(unlinkat(files, entry.c_str(), 0)));
	}
	settle();
}

} // namespace

void name_cases()
{
	const mounted fs;

	signal_by_name(fs);

	must(or_errno(mkdir("/tmp/files", 0755)));
	{
		const unique_fd files(must(or_errno(open(
			"/tmp/files", O_RDONLY | O_DIRECTORY | O_CLOEXEC))));

		for (unsigned count : {10U, 1000U, 100000U})
			open_among(fs, files, count);
	}
	must(or_errno(rmdir("/tmp/files")));
}

} // namespace bench
