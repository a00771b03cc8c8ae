// SPDX-License-Identifier: MIT
#ifndef PROCFD_TOOLS_HELP_HPP
#define PROCFD_TOOLS_HELP_HPP

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string>

#include <CLI/CLI.hpp>

/// How the commands explain themselves.
namespace tool {

/// Help that fits into 80 columns, whichever version of the parser it is.
class formatter : public CLI::Formatter {
public:
	std::string make_option(const CLI::Option *option,
				bool is_positional) const override
	{
		return two_columns(make_option_name(option, is_positional) +
					   make_option_opts(option),
				   make_option_desc(option));
	}

	std::string make_subcommand(const CLI::App *sub) const override
	{
		return two_columns(sub->get_name(), sub->get_description());
	}

private:
	static std::string two_columns(const std::string &name,
				       const std::string &text)
	{
		constexpr std::size_t left = 30;
		constexpr std::size_t width = 78;
		std::string out = "  " + name;
		std::size_t used = out.size();
		std::istringstream words(text);
		std::string word;

		if (used + 2 > left) {
			out += '\n';
			used = 0;
		}
		out.append(left - used, ' ');
		used = left;
		while (words >> word) {
			if (used > left && used + 1 + word.size() > width) {
				out += '\n' + std::string(left, ' ');
				used = left;
			}
			if (used > left) {
				out += ' ';
				used++;
			}
			out += word;
			used += word.size();
		}
		return out + '\n';
	}
};

/// \return  what the parser says of a command line, to go on after a colon
inline std::string complaint_of(const CLI::ParseError &error)
{
	std::string text = error.what();

	// But not "FD is required"
	if (text.size() > 1 &&
	    !std::isupper(static_cast<unsigned char>(text[1])))
		text[0] = static_cast<char>(
			std::tolower(static_cast<unsigned char>(text[0])));
	return text;
}

} // namespace tool

#endif
