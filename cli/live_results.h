// LiveResults: the subscriptions of the shell as lines for the terminal's panel.
//
//   SUBSCRIBE, patches -take-> marks of what changed        lines() -> results as they are now
//
// What the last commits changed in a result is shown inverse until the next ones change it.
// Thread: the main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/change_marks.h"
#include "tremula/tremula.h"

namespace tremula::cli {

class LiveResults {
 public:
  // Requires: kSnapshot or kPatch.
  void take(const Output& output);
  // The subscriptions that the session still has, each with as many rows as it gets a fair share
  // of; not more than rows_max lines, none wider than `columns`. From now on they are shown.
  std::vector<std::string> lines(const Session& session, std::size_t rows_max, std::size_t columns);

 private:
  struct Result {
    std::string name;
    ChangeMark marks;
    std::uint64_t commit = 0;  // the last one that changed it, 0: none did
    bool shown = false;        // as it is now
  };
  Result* find(std::string_view name);
  // Forgets those that ended, and finds those that were made in another mode.
  void follow(const Session& session);

  std::vector<Result> results_;  // in the order in which they were made
};

}  // namespace tremula::cli
