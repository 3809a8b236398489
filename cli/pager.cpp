#include "cli/pager.h"

#include <algorithm>
#include <cstdio>
#include <limits>

namespace tremula::cli {
namespace {

constexpr int kCtrlC = 3;
constexpr int kCtrlD = 4;
constexpr int kEscape = 27;

}  // namespace

bool Pager::ask() {
  std::fflush(stdout);
  std::fputs("-- more: space for a page, enter for a line, g to the end, q to stop --", stderr);
  const int key = [this] {
    const RawKeys keys;
    wait_();
    return Terminal::read_key();
  }();
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
    default: room_ = window(); return true;
  }
}

// Below a page stands the question.
std::size_t Pager::window() const { return std::max<std::size_t>(terminal_.rows_above(), 2) - 1; }

void Pager::begin() { room_ = window(); }

bool Pager::line(const std::string& text) {
  if (room_ == 0 && !ask()) return false;
  --room_;
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
  return true;
}

}  // namespace tremula::cli
