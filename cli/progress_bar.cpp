#include "cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace tremula::cli {
namespace {

constexpr std::uint64_t kWidth = 40;
constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr double kRateAfterSeconds = 0.05;  // before that it would be a guess

std::string formatted(const char* format, auto... values) {
  char text[64];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

std::string rate_text(ProgressBar::Unit unit, double rate) {
  if (unit == ProgressBar::Unit::kRows) return formatted("%.0f rows/s", rate);
  if (rate < 1e6) return formatted("%.1f kB/s", rate / 1e3);
  return formatted("%.1f MB/s", rate / 1e6);
}

std::string time_text(double seconds) {
  const auto whole = static_cast<unsigned long long>(seconds + 0.5);
  if (whole < 3600) return formatted("%llu:%02llu", whole / 60, whole % 60);
  return formatted("%llu:%02llu:%02llu", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

ProgressBar::ProgressBar(Unit unit)
    : unit_(unit), terminal_(isatty(STDERR_FILENO) != 0), begun_(Clock::now()) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() {
  if (!drawn_.empty()) std::fputs("\r\033[K", stderr);
  drawn_.clear();
}

std::string ProgressBar::text(Unit unit, std::uint64_t done, std::uint64_t total, double seconds) {
  done = std::min(done, total);
  const double part = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
  std::string text = "[" + std::string(static_cast<std::size_t>(part * kWidth), '#');
  text.resize(kWidth + 1, '.');
  text += formatted("] %3d %%", static_cast<int>(part * 100));
  if (seconds < kRateAfterSeconds || done == 0) return text;
  const double rate = static_cast<double>(done) / seconds;
  text += "  " + rate_text(unit, rate);
  if (done < total) text += "  " + time_text(static_cast<double>(total - done) / rate) + " left";
  return text;
}

void ProgressBar::show(std::uint64_t done, std::uint64_t total) {
  if (!terminal_) return;
  if (done >= total) return clear();
  const auto now = Clock::now();
  if (!drawn_.empty() && now - drawn_at_ < kRedraw) return;
  const double seconds = std::chrono::duration<double>(now - begun_).count();
  std::string fresh = text(unit_, done, total, seconds);
  if (fresh == drawn_) return;
  drawn_ = std::move(fresh);
  drawn_at_ = now;
  std::fprintf(stderr, "\r%s\033[K", drawn_.c_str());
}

}  // namespace tremula::cli
