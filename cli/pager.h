// Pager: a long table a window at a time.
//
//   lines -> window full -> "-- more" -> space: the next window, enter: a line, q: the end
//
// Thread: the main thread.
#pragma once

#include <functional>

#include "cli/terminal.h"
#include "cli/text_table.h"

namespace tremula::cli {

class Pager {
 public:
  // wait: waits until a key can be read, and does meanwhile what must go on.
  // `terminal` outlives the object.
  Pager(const Terminal& terminal, std::function<void()> wait)
      : terminal_(terminal), wait_(std::move(wait)) {}

  // Prints the table on standard output; what doesn't fit the window waits for keys.
  void print(const TextTable& table);

 private:
  bool ask();  // Returns: false to end.

  const Terminal& terminal_;
  std::function<void()> wait_;
  std::size_t room_ = 0;  // lines until the next question
};

}  // namespace tremula::cli
