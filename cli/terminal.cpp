#include "cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tremula::cli {
namespace {

constexpr std::size_t kPanelRowsMin = 3;
constexpr std::size_t kRowsAboveMin = 4;

volatile std::sig_atomic_t resized = 0;

void note_resize(int) { resized = 1; }

std::string go_to(std::size_t row) { return "\033[" + std::to_string(row) + ";1H"; }

void put(const std::string& text) {
  std::fflush(stderr);  // the line editor's
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

Terminal::Terminal() {
  const char* kind = std::getenv("TERM");
  interactive_ = isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0 && kind != nullptr &&
                 std::strcmp(kind, "dumb") != 0 && std::strcmp(kind, "") != 0;
  if (!interactive_) return;
  // The signal comes in wait() alone.
  struct sigaction action {};
  action.sa_handler = note_resize;
  sigaction(SIGWINCH, &action, nullptr);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGWINCH);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

Terminal::~Terminal() { draw_panel({}); }

Terminal::Size Terminal::size() {
  winsize found{};
  Size size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) != 0) return size;
  if (found.ws_row > 0) size.rows = found.ws_row;
  if (found.ws_col > 0) size.columns = found.ws_col;
  return size;
}

Terminal::Event Terminal::wait(int wake) {
  sigset_t signals;
  pthread_sigmask(SIG_BLOCK, nullptr, &signals);
  sigdelset(&signals, SIGWINCH);
  for (;;) {
    pollfd files[2] = {{STDIN_FILENO, POLLIN, 0}, {wake, POLLIN, 0}};
    const int ready = ppoll(files, wake >= 0 ? 2 : 1, nullptr, &signals);
    if (resized != 0) {
      resized = 0;
      if (panel_rows_ > 0) put("\033[r\033[H\033[J");
      panel_rows_ = 0;
      return Event::kResize;
    }
    if (ready < 0 && errno == EINTR) continue;
    // An error of the descriptors shows when the key is read.
    if (ready < 0 || files[0].revents != 0) return Event::kInput;
    if (wake >= 0 && files[1].revents != 0) return Event::kWake;
  }
}

int Terminal::read_key() {
  unsigned char byte = 0;
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    return got == 1 ? byte : -1;
  }
}

std::size_t Terminal::panel_rows_max() {
  const std::size_t rows = size().rows;
  if (rows < kPanelRowsMin + kRowsAboveMin) return 0;
  return rows / 2 < kPanelRowsMin ? kPanelRowsMin : rows / 2;
}

std::size_t Terminal::rows_above() const {
  const std::size_t rows = size().rows;
  return rows > panel_rows_ ? rows - panel_rows_ : 1;
}

// Makes the panel `rows` high: the cursor moves up if it stood there.
void Terminal::reserve(std::size_t rows) {
  const std::size_t all = size().rows;
  std::string text = "\0337";
  for (std::size_t i = 0; i < panel_rows_; ++i) text += go_to(all - i) + "\033[2K";
  text += "\033[r\0338";  // the whole window scrolls
  if (rows > panel_rows_) {
    for (std::size_t i = 0; i < rows; ++i) text += "\033D";
    text += "\033[" + std::to_string(rows) + "A";
  }
  if (rows > 0) text += "\0337\033[1;" + std::to_string(all - rows) + "r\0338";
  put(text);
  panel_rows_ = rows;
}

void Terminal::draw_panel(const std::vector<std::string>& lines) {
  if (lines.size() != panel_rows_) reserve(lines.size());
  if (lines.empty()) return;
  const std::size_t first = size().rows - lines.size() + 1;
  std::string text = "\0337";
  for (std::size_t i = 0; i < lines.size(); ++i) text += go_to(first + i) + "\033[2K" + lines[i];
  put(text + "\0338");
}

struct RawKeys::Saved {
  termios state{};
};

RawKeys::RawKeys() : saved_(std::make_unique<Saved>()) {
  if (tcgetattr(STDIN_FILENO, &saved_->state) != 0) return;
  termios raw = saved_->state;
  raw.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO | ISIG));
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

RawKeys::~RawKeys() { tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_->state); }

}  // namespace tremula::cli
