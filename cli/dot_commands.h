// DotCommands: what the shell understands besides statements. The one list behind `.help`, the
// completion and the manual page.
//
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tremula::cli {

enum class Dot : std::uint8_t {
  kExplain,
  kExport,
  kHelp,
  kImport,
  kMode,
  kOpen,
  kQuit,
  kSchema,
  kSubscriptions,
  kTables,
  kTimer,
};

struct DotCommand {
  Dot dot;
  std::string_view name;       // with its point
  std::string_view arguments;  // as they are told to a person
  std::string_view text;       // what it does
};

std::span<const DotCommand> dot_commands();  // in the order in which help tells of them

// A line that begins with a point, taken apart.
struct DotLine {
  const DotCommand* command = nullptr;  // null: there is none of that name
  std::string_view name;                // as it was typed
  std::string_view rest;                // behind it, without the blanks around it and a last `;`
  // The first `count` words of the rest, and what is behind them. A word in quotes, ' or ", may
  // hold blanks. Fewer, if there are fewer.
  std::vector<std::string> words(std::size_t count) const;
};
// Borrowed: from `line`.
DotLine parse_dot_line(std::string_view line);

// The lines of `.help`, and of the manual page: name and arguments padded to one width.
std::string dot_help();

}  // namespace tremula::cli
