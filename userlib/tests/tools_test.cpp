// SPDX-License-Identifier: MIT
//
// The commands, as a shell uses them. They are to be in PATH.
#include "common.hpp"

class tools : public with_module {
protected:
	/// Run a shell script in `dir`.
	/// \return  its exit code, or -1
	int run(const std::string &script)
	{
		std::string all = "cd '" + dir.str() +
				  "'; umask 022; exec 2>&1; " + script;
		channel out;
		posix_spawn_file_actions_t actions;

		::posix_spawn_file_actions_init(&actions);
		::posix_spawn_file_actions_adddup2(&actions, out.writer(),
						   STDOUT_FILENO);

		auto sh = procfd::spawn({"sh", "-c", all.c_str()},
					{.file_actions = &actions});

		::posix_spawn_file_actions_destroy(&actions);
		out.close_writer();
		output = out.receive_all();

		auto status = sh.and_then(
			[](const procfd::process &p) { return p.wait(); });

		return status ? status->exit_code().value_or(-1) : -1;
	}
	[[nodiscard]] mode_t mode_of(const char *name) const
	{
		struct stat st {};

		EXPECT_EQ(0, ::stat((dir / name).c_str(), &st));
		return st.st_mode & 07777;
	}

	scratch dir;
	std::string output;
};

TEST_F(tools, frename_makes_standard_input_the_file)
{
	EXPECT_EQ(0, run("echo one | frename f")) << output;
	EXPECT_EQ("one\n", slurp(dir / "f"));
	EXPECT_EQ(0644U, mode_of("f"));
	EXPECT_EQ(0, run("echo two | frename --durable --mode 600 f"));
	EXPECT_EQ("two\n", slurp(dir / "f"));
	EXPECT_EQ(0600U, mode_of("f"));
	EXPECT_EQ(0, run("echo three | frename f"));
	EXPECT_EQ("three\n", slurp(dir / "f"));
	EXPECT_EQ(0600U, mode_of("f"));
	EXPECT_EQ("", output);
	EXPECT_EQ(1U, entries(dir.str()));
}

TEST_F(tools, frename_with_a_mode_keeps_nothing_of_the_old_file)
{
	EXPECT_EQ(0, run("touch f && chmod 640 f && chown 1000:2000 f &&"
			 "echo x | frename --mode 666 f &&"
			 "stat -c '%u:%g %a' f"));
	EXPECT_EQ("0:0 666\n", output);
}

TEST_F(tools, frename_puts_a_descriptor_in_place)
{
	EXPECT_EQ(0, run("echo old >f; exec 3<>g; rm g; echo new >&3;"
			 "frename --durable 3 f"))
		<< output;
	EXPECT_EQ("new\n", slurp(dir / "f"));
	EXPECT_EQ(1U, entries(dir.str()));
}

TEST_F(tools, a_name_that_looks_like_a_list_is_a_name)
{
	EXPECT_EQ(0, run("echo old >config; exec 3<config;"
			 "for f in '[config]' '[3,f]' '[a,b]'; do"
			 "	echo new | frename \"$f\"; frename 3 \"$f$f\";"
			 "	flink 3 \"$f+\"; cat \"$f\" \"$f$f\" \"$f+\";"
			 "done; ls | wc -l; cat config"));
	EXPECT_EQ("new\nold\nold\nnew\nold\nold\nnew\nold\nold\n10\nold\n",
		  output);
}

TEST_F(tools, flink_names_a_descriptor_and_overwrites_nothing)
{
	EXPECT_EQ(0, run("exec 3<>g; rm g; echo new >&3; flink 3 f")) << output;
	EXPECT_EQ("new\n", slurp(dir / "f"));
	EXPECT_EQ(1, run("echo other >g; flink 3 f 3<g"));
	EXPECT_EQ("flink: f: exists; flink overwrites nothing, frename(1) "
		  "replaces a file\n",
		  output);
	EXPECT_EQ("new\n", slurp(dir / "f"));
}

TEST_F(tools, frename_warns_of_what_the_new_file_does_not_have)
{
	EXPECT_EQ(0, run("echo old >f; chmod 4750 f; echo new | frename f"));
	EXPECT_EQ("frename: f: warning: set-user-ID, set-group-ID and sticky "
		  "bits are dropped; chmod(1) sets them\n",
		  output);
	EXPECT_EQ(0750U, mode_of("f"));
	EXPECT_EQ(0, run("echo new | frename f"));
	EXPECT_EQ("", output);
	EXPECT_EQ(0, run("chmod 4750 f; echo new | frename --mode 600 f"));
	EXPECT_EQ("", output);
}

TEST_F(tools, say_why_they_failed)
{
	EXPECT_EQ(1, run("frename 9 f"));
	EXPECT_EQ("frename: descriptor 9: Bad file descriptor\n", output);
	EXPECT_EQ(1, run("frename f <&-"));
	EXPECT_EQ("frename: descriptor 0: Bad file descriptor\n", output);
	EXPECT_EQ(1, run("flink 9 f"));
	EXPECT_EQ("flink: descriptor 9: Bad file descriptor\n", output);
	EXPECT_EQ(1, run("mkdir d; echo x | frename d"));
	EXPECT_EQ("frename: d: Is a directory\n", output);
	EXPECT_EQ(1, run("flink 0 missing/f"));
	EXPECT_EQ("flink: missing/f: No such file or directory\n", output);
	EXPECT_EQ(1U, entries(dir.str()));
}

TEST_F(tools, refuse_a_wrong_command_line)
{
	for (const char *line :
	     {"flink", "flink 3", "flink x f", "flink 3x f", "flink 3 f g",
	      "frename", "frename x f", "frename 3 f g", "frename --mode 9 f",
	      "frename --mode 10000 f", "frename --mode 600 3 f",
	      "frename --unknown f"})
		EXPECT_EQ(2, run(std::string(line) + " </dev/null")) << line;
	EXPECT_EQ(0U, entries(dir.str()));
}

TEST_F(tools, explain_themselves)
{
	for (const char *tool : {"flink", "frename"}) {
		EXPECT_EQ(0, run(std::string(tool) + " --help"));
		EXPECT_NE(std::string::npos, output.find("Usage: "));
		EXPECT_NE(std::string::npos, output.find("PATH"));
		EXPECT_EQ(0, run(std::string(tool) + " --version"));
		EXPECT_EQ(0U, output.find(std::string(tool) + " "));
	}
}
