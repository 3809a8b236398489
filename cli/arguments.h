// Arguments: what the command line asks for. The door to CLI11.
//
//   argv -> parse_arguments -> Invocation | exit status (help, version, wrong usage)
//
// Thread: the main thread, once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tremula::cli {

// Exit statuses, as the contract numbers them.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // a statement failed
inline constexpr int kExitUsage = 2;   // wrong usage

enum class Call : std::uint8_t {
  kShell,
  kRun,
  kQuery,
  kWatch,
  kImport,
  kExport,
  kCheck,
  kBackup,
  kRestore,
  kChanges,
  kMerge,
  kServe,
  kExplain,
  kDemo,
};

struct Invocation {
  Call call = Call::kShell;
  std::string name;                     // of the call, as it was written
  std::string directory;                // DIR or --db; empty: in memory
  std::string file;                     // FILE, FILE.csv, DEST or SOURCE; of check what to dump
  std::string select;                   // 'SELECT ...'
  std::string table;                    // TABLE
  std::string format;                   // json, table, csv; empty: by where standard output goes
  std::vector<std::string> parameters;  // name=value, unread
  bool dot = false;
  bool replace = false;
  std::uint64_t commits = 0;
  std::optional<double> timeout_s;
  std::uint64_t since = 0;
  std::string listen;
  bool is_board = false;  // of the demo
};

// Returns: what to do, or the exit status if it is done: help and version went to standard output,
// a complaint about wrong usage to standard error.
std::variant<Invocation, int> parse_arguments(int argc, char** argv);

}  // namespace tremula::cli
