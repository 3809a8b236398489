#include "cli/dot_commands.h"

#include <algorithm>

namespace tremula::cli {
namespace {

constexpr DotCommand kCommands[] = {
    {Dot::kHelp, ".help", "", "this text"},
    {Dot::kTables, ".tables", "", "the tables and how many rows they have"},
    {Dot::kSchema, ".schema", "[TABLE]", "the columns of one table or of all"},
    {Dot::kSubscriptions, ".subscriptions", "", "the live queries of this shell"},
    {Dot::kExplain, ".explain", "SELECT|NAME", "the plan of a select, or of a live query"},
    {Dot::kMode, ".mode", "json|table|csv", "how results are printed"},
    {Dot::kTimer, ".timer", "on|off", "tells how long each statement took"},
    {Dot::kImport, ".import", "TABLE FILE [replace]", "reads a CSV file into a table"},
    {Dot::kExport, ".export", "FILE SELECT", "writes a select's rows into a CSV file"},
    {Dot::kOpen, ".open", "[DIR]", "opens another database (no DIR: in memory)"},
    {Dot::kQuit, ".quit", "", "leaves, as Ctrl-D does"},
};

constexpr std::string_view kBlanks = " \t";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  const std::size_t end = text.find_last_not_of(kBlanks) + 1;
  return end <= begin ? std::string_view() : text.substr(begin, end - begin);
}

}  // namespace

std::span<const DotCommand> dot_commands() { return kCommands; }

DotLine parse_dot_line(std::string_view line) {
  DotLine parsed;
  const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
  parsed.name = line.substr(0, end);
  parsed.rest = trimmed(line.substr(end));
  while (parsed.rest.ends_with(';'))
    parsed.rest = trimmed(parsed.rest.substr(0, parsed.rest.size() - 1));
  while (parsed.name.ends_with(';')) parsed.name.remove_suffix(1);
  const auto found = std::find_if(std::begin(kCommands), std::end(kCommands),
                                  [&](const DotCommand& c) { return c.name == parsed.name; });
  if (found != std::end(kCommands)) parsed.command = found;
  if (parsed.name == ".exit") parsed.command = &kCommands[std::size(kCommands) - 1];
  return parsed;
}

std::vector<std::string> DotLine::words(std::size_t count) const {
  std::vector<std::string> words;
  std::string_view left = rest;
  while (!left.empty() && words.size() < count) {
    const bool quoted = left.front() == '\'' || left.front() == '"';
    const std::size_t begin = quoted ? 1 : 0;
    const std::size_t end =
        std::min(quoted ? left.find(left.front(), 1) : left.find_first_of(kBlanks), left.size());
    words.emplace_back(left.substr(begin, end - begin));
    left = trimmed(left.substr(std::min(end + begin, left.size())));
  }
  if (!left.empty()) words.emplace_back(left);
  return words;
}

std::string dot_help() {
  std::string text;
  std::size_t width = 0;
  for (const DotCommand& command : kCommands)
    width = std::max(width, command.name.size() + 1 + command.arguments.size());
  for (const DotCommand& command : kCommands) {
    std::string line = "  " + std::string(command.name) + " " + std::string(command.arguments);
    line.resize(width + 4, ' ');
    text += line + std::string(command.text) + "\n";
  }
  return text;
}

}  // namespace tremula::cli
