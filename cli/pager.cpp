#include "cli/pager.h"

#include <cstdio>
#include <limits>

#include "cli/printer.h"

namespace tremula::cli {
namespace {

constexpr int kCtrlC = 3;
constexpr int kCtrlD = 4;
constexpr int kEscape = 27;

void put_line(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

}  // namespace

bool Pager::ask() {
  std::fflush(stdout);
  std::fputs("-- more: space for a page, enter for a line, g to the end, q to stop --", stderr);
  wait_();
  const int key = Terminal::read_key();
  std::fputs("\r\033[K", stderr);
  switch (key) {
    case -1:
    case kCtrlC:
    case kCtrlD:
    case kEscape:
    case 'q':
    case 'Q': return false;
    case 'g':
    case 'G': room_ = std::numeric_limits<std::size_t>::max(); return true;
    case '\r':
    case '\n':
    case 'j': room_ = 1; return true;
    default: room_ = terminal_.rows_above() - 1; return true;
  }
}

void Pager::print(const TextTable& table) {
  const RawKeys keys;
  room_ = terminal_.rows_above() - 1;
  std::size_t lines = 0;
  const bool all = table.print(terminal_width(), [&](const std::string& line) {
    if (room_ == 0 && !ask()) return false;
    --room_;
    ++lines;
    put_line(line);
    return true;
  });
  if (!all)
    put_line("(" + std::to_string(table.row_count()) + " rows, stopped after " +
             std::to_string(lines) + " lines)");
}

}  // namespace tremula::cli
