// Process: the tremula command run as its users run it: arguments, standard input, a terminal.
//
// Thread: one at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tremula::cli_test {

struct Finished {
  int status = -1;  // of exit; -1: ended by a signal or by the time limit
  std::string out;
  std::string err;
};

// Runs the command to its end with `input` on standard input.
Finished run(const std::vector<std::string>& arguments, std::string_view input = "");

// Runs the command on a terminal of 80 columns and types `keys`, each part when the command has
// printed the prompt that stands beside it.
struct Typed {
  std::string after;  // what must have been printed since the last keys
  std::string keys;
};
// Returns: `out` is everything the terminal showed, `err` is empty.
Finished run_on_terminal(const std::vector<std::string>& arguments,
                         const std::vector<Typed>& typed);

// The command while it runs. Ended by SIGKILL with the object, if it still does.
class Background {
 public:
  explicit Background(const std::vector<std::string>& arguments);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Waits until it has printed `text`, on either output.  Returns: false if it ended without.
  bool has_printed(std::string_view text);
  void signal(int number) const;
  // Waits for its end.  Returns: everything that it printed.
  Finished end();

 private:
  bool read_more();  // Returns: false at the end of both outputs.

  int child_ = -1;
  int out_ = -1;
  int err_ = -1;
  Finished so_far_;
};

// A folder of its own for a test's files; goes with the object.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path(std::string_view name = "") const;
  std::string write(std::string_view name, std::string_view text) const;  // Returns: its path.

 private:
  std::string path_;
};

std::string read_file(const std::string& path);

}  // namespace tremula::cli_test
