#include "cli/manual.h"

#include <string_view>

#include "cli/dot_commands.h"

namespace tremula::cli {
namespace {

constexpr std::string_view kDescription =
    "Tremula is an embedded database whose queries stay alive. The command holds the same engine "
    "as "
    "the library, for a person at a terminal and for a pipeline. Results go to standard output, as "
    "JSON lines unless it is a terminal; prompts, progress and errors go to standard error.\n"
    ".PP\n"
    "Without a call it is a shell on DIR, or on a database in memory; if standard input is no "
    "terminal, it runs the script that stands there.\n";

constexpr std::string_view kEnd =
    ".SH EXIT STATUS\n"
    "0: all went well. 1: a statement or the call failed. 2: wrong usage.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n"
    "TREMULA_HISTORY\n"
    "The file that keeps the lines typed at the shell, instead of ~/.tremula_history; empty: "
    "none.\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "tremula music.db\n"
    "tremula run script.tql \\-\\-db music.db \\-\\-param name=Can\n"
    "tremula query music.db \\(aqSELECT { a.Name } FROM Artist AS a\\(aq \\-\\-format csv\n"
    "tremula explain music.db \\(aqSELECT { a.Name } FROM Artist AS a\\(aq \\-\\-dot | dot \\-Tsvg "
    ">plan.svg\n"
    ".fi\n";

// Hyphens that are typed must be minus signs, and a line must not begin with a point or an accent.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (out.empty() && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else {
      out += c;
    }
  }
  return out;
}

std::string usage_of(const CallText& call) {
  std::string usage = "tremula";
  if (!call.name.empty()) usage += " " + call.name;
  return usage + (call.arguments.empty() ? "" : " " + call.arguments);
}

}  // namespace

std::string manual_page(const std::vector<CallText>& calls) {
  std::string page =
      ".\\\" Made by `tremula help --man`; not to be edited.\n"
      ".TH TREMULA 1 \"\" \"Tremula " TREMULA_VERSION
      "\" \"User Commands\"\n"
      ".SH NAME\n"
      "tremula \\- an embedded database whose queries stay alive\n"
      ".SH SYNOPSIS\n";
  for (const CallText& call : calls) {
    if (&call != &calls.front()) page += ".br\n";
    page += ".B " + escaped(usage_of(call)) + "\n";
  }
  page += ".SH DESCRIPTION\n" + std::string(kDescription) + ".SH CALLS\n";
  for (const CallText& call : calls) {
    if (call.name.empty()) continue;
    page += ".SS " + escaped(call.name) + "\n" + escaped(call.text) + ".\n";
    for (const auto& [written, text] : call.options)
      page += ".TP\n.B " + escaped(written) + "\n" + escaped(text) + "\n";
  }
  page +=
      ".SH SHELL\n"
      "Statements end with a semicolon and may take several lines. SUBSCRIBE keeps a result at the "
      "bottom of the window, where it changes in place; UNSUBSCRIBE ends it. Ctrl\\-C forgets what "
      "was typed, or ends the statement that runs. Long tables wait for keys: space for a page, "
      "enter for a line, g to the end, q to stop.\n";
  for (const DotCommand& command : dot_commands()) {
    page += ".TP\n.B " + escaped(command.name) +
            (command.arguments.empty() ? "" : " " + escaped(command.arguments)) + "\n" +
            escaped(command.text) + "\n";
  }
  return page + std::string(kEnd);
}

}  // namespace tremula::cli
