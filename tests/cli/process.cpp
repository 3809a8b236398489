#include "tests/cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace tremula::cli_test {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kTimeLimit = std::chrono::seconds(120);

[[noreturn]] void become_command(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {TREMULA_COMMAND};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : all) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

// Appends what can be read now.  Returns: false at the end.
bool take(int descriptor, std::string& text) {
  char buffer[1 << 14];
  const ssize_t got = read(descriptor, buffer, sizeof buffer);
  if (got <= 0) return false;
  text.append(buffer, static_cast<std::size_t>(got));
  return true;
}

int status_of(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string temporary_file(std::string_view content) {
  std::string path = (std::filesystem::temp_directory_path() / "tremula-stdin-XXXXXX").string();
  const int file = mkstemp(path.data());
  if (file < 0) throw std::runtime_error("no temporary file");
  std::ofstream(path, std::ios::binary) << content;
  close(file);
  return path;
}

void read_both(int out, int err, Finished& finished, pid_t child) {
  const auto end = Clock::now() + kTimeLimit;
  pollfd files[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  std::string* texts[2] = {&finished.out, &finished.err};
  while (files[0].fd >= 0 || files[1].fd >= 0) {
    if (Clock::now() > end) kill(child, SIGKILL);
    if (poll(files, 2, 1000) <= 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (files[i].fd < 0 || files[i].revents == 0) continue;
      if (!take(files[i].fd, *texts[i])) files[i].fd = -1;
    }
  }
}

}  // namespace

Finished run(const std::vector<std::string>& arguments, std::string_view input) {
  const std::string stdin_path = temporary_file(input);
  int out[2];
  int err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child == 0) {
    dup2(open(stdin_path.c_str(), O_RDONLY), STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    for (const int descriptor : {out[0], out[1], err[0], err[1]}) close(descriptor);
    become_command(arguments);
  }
  close(out[1]);
  close(err[1]);
  Finished finished;
  read_both(out[0], err[0], finished, child);
  close(out[0]);
  close(err[0]);
  finished.status = status_of(child);
  std::filesystem::remove(stdin_path);
  return finished;
}

Background::Background(const std::vector<std::string>& arguments) {
  int out[2];
  int err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  child_ = fork();
  if (child_ == 0) {
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    become_command(arguments);
  }
  close(out[1]);
  close(err[1]);
  out_ = out[0];
  err_ = err[0];
}

Background::~Background() {
  if (child_ > 0) {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  for (const int descriptor : {out_, err_}) {
    if (descriptor >= 0) close(descriptor);
  }
}

bool Background::read_more() {
  const auto end = Clock::now() + kTimeLimit;
  for (;;) {
    if (out_ < 0 && err_ < 0) return false;
    if (Clock::now() > end) kill(child_, SIGKILL);
    pollfd files[2] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    if (poll(files, 2, 1000) <= 0) continue;
    const auto read_one = [](const pollfd& file, int& descriptor, std::string& text) {
      if (descriptor < 0 || file.revents == 0 || take(descriptor, text)) return;
      close(descriptor);
      descriptor = -1;
    };
    read_one(files[0], out_, so_far_.out);
    read_one(files[1], err_, so_far_.err);
    return true;
  }
}

bool Background::has_printed(std::string_view text) {
  const auto is_there = [&] {
    return so_far_.out.find(text) != std::string::npos ||
           so_far_.err.find(text) != std::string::npos;
  };
  while (!is_there()) {
    if (!read_more()) return is_there();
  }
  return true;
}

void Background::signal(int number) const { kill(child_, number); }

Finished Background::end() {
  while (read_more()) {
  }
  so_far_.status = status_of(child_);
  child_ = -1;
  return so_far_;
}

Finished run_on_terminal(const std::vector<std::string>& arguments,
                         const std::vector<Typed>& typed) {
  winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    setenv("TREMULA_HISTORY", "", 1);
    become_command(arguments);
  }
  Finished finished;
  const auto end = Clock::now() + kTimeLimit;
  std::size_t seen = 0;
  std::size_t next = 0;
  for (;;) {
    if (Clock::now() > end) kill(child, SIGKILL);
    pollfd file{terminal, POLLIN, 0};
    if (poll(&file, 1, 1000) <= 0) continue;
    if (!take(terminal, finished.out)) break;
    if (next == typed.size()) continue;
    const std::size_t found = finished.out.find(typed[next].after, seen);
    if (found == std::string::npos) continue;
    seen = finished.out.size();
    const std::string& keys = typed[next++].keys;
    if (write(terminal, keys.data(), keys.size()) < 0) break;
  }
  finished.status = status_of(child);
  close(terminal);
  return finished;
}

Folder::Folder() {
  path_ = (std::filesystem::temp_directory_path() / "tremula-test-XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no folder " + path_);
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::path(std::string_view name) const {
  return name.empty() ? path_ : path_ + "/" + std::string(name);
}

std::string Folder::write(std::string_view name, std::string_view text) const {
  std::ofstream(path(name), std::ios::binary) << text;
  return path(name);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace tremula::cli_test
