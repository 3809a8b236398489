// Pager: a long table a window at a time.
//
//   lines -> window full -> "-- more" -> space: the next window, enter: a line, q: the end
//
// The statement may still run: its next rows are asked for when they are wanted.
//
// Thread: the main thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "cli/terminal.h"

namespace tremula::cli {

class Pager {
 public:
  // wait: waits until a key can be read, and does meanwhile what must go on.
  // `terminal` outlives the object.
  Pager(const Terminal& terminal, std::function<void()> wait)
      : terminal_(terminal), wait_(std::move(wait)) {}

  // Another table begins.
  void begin();
  // Prints a line on standard output; what doesn't fit the window waits for keys.
  // Returns: false if no more are wanted.
  bool line(const std::string& text);

 private:
  bool ask();  // Returns: false to end.
  std::size_t window() const;

  const Terminal& terminal_;
  std::function<void()> wait_;
  std::size_t room_ = 0;  // lines until the next question
};

}  // namespace tremula::cli
