// Printer: puts a script's outputs on standard output, and what is for people on standard error.
//
//   Output(kColumns, kRow..., kWrite, kPatch...) --take--> JSON lines | aligned tables | CSV
//
// Invariants:
//   1  in mode kJson every output is one line, as treeql.md prints it.
//   2  what went to standard output before an error is written before the error is.
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/pager.h"
#include "cli/text_table.h"
#include "tremula/tremula.h"

namespace tremula::cli {

enum class Mode : std::uint8_t { kJson, kTable, kCsv };

// Returns: nothing if `name` is none of json, table, csv.
std::optional<Mode> mode_named(std::string_view name);
// Tables on a terminal, JSON lines in a pipe.
Mode default_mode();
// The columns of the terminal that standard output is; 0 if it is none.
std::size_t terminal_width();

// An error as the contract prints it, on standard error.
void print_error(const Error& error);
// An error of the command itself: without a place in a source.
Error command_error(ErrorCode code, std::string_view message);

class Printer {
 public:
  explicit Printer(Mode mode) : mode_(mode) {}

  void take(const Output& output);
  void rows(const Rows& rows);
  // Prints a table that is still open and hands everything to the system.
  // Returns: false if standard output took less than it was given; said on standard error then.
  [[nodiscard]] bool finish();

  // Forgets the rows of a table that is still open.
  void discard() { table_.reset(); }

  // Tables go through a pager; `stop` is called when no more of one is wanted. Both outlive this.
  void page_by(Pager& pager, std::function<void()> stop) {
    pager_ = &pager;
    stop_ = std::move(stop);
  }
  // In mode kTable takes the snapshots and patches of subscriptions, which aren't printed then.
  void on_live(std::function<void(const Output&)> take) { take_live_ = std::move(take); }

  Mode mode() const { return mode_; }
  void set_mode(Mode mode) { mode_ = mode; }

 private:
  void line(std::string_view text);
  void begin_rows(std::span<const std::string> columns);
  void row(std::string_view row_json);
  void show(std::string_view row_json);
  bool table_line(const std::string& text);
  void print_part();
  void end_rows();

  Mode mode_;
  std::optional<TextTable> table_;  // kTable: the rows that were not printed yet
  std::size_t lines_ = 0;           // of it, that were
  bool stopped_ = false;            // no more are wanted
  std::size_t statement_ = 0;       // that they belong to
  Pager* pager_ = nullptr;
  std::function<void()> stop_;
  std::function<void(const Output&)> take_live_;
};

}  // namespace tremula::cli
