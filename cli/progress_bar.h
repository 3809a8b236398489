// ProgressBar: how far something long is, on standard error if that is a terminal.
//
//   [##########..............................]  25 %  48.1 MB/s  0:12 left
//
// Thread: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tremula::cli {

class ProgressBar {
 public:
  enum class Unit : std::uint8_t { kBytes, kRows };
  explicit ProgressBar(Unit unit);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Draws it anew if it reads otherwise than before, and not more often than an eye follows; takes
  // it away when all is done.
  void show(std::uint64_t done, std::uint64_t total);
  // Takes it off the terminal, before something else is printed there.
  void clear();

  // What a bar says after `seconds`.
  static std::string text(Unit unit, std::uint64_t done, std::uint64_t total, double seconds);

 private:
  using Clock = std::chrono::steady_clock;
  const Unit unit_;
  const bool terminal_;
  const Clock::time_point begun_;
  Clock::time_point drawn_at_;
  std::string drawn_;
};

}  // namespace tremula::cli
