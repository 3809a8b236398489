#include "persist/watermarks.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace tremula::persist {

namespace {

// Every number only grows, whoever is the host: what was ordered once is found by the next one.
void raise(Watermarks& marks, const Watermarks& to) {
  marks.ordered = std::max(marks.ordered, to.ordered);
  marks.end = std::max(marks.end, to.end);
  marks.durable = std::max(marks.durable, to.durable);
  marks.first_log = std::max(marks.first_log, to.first_log);
  marks.manifest_edits = std::max(marks.manifest_edits, to.manifest_edits);
  marks.flushed = std::max(marks.flushed, to.flushed);
  marks.acknowledged = std::max(marks.acknowledged, to.acknowledged);
  marks.answered = std::max(marks.answered, to.answered);
}

// How many of the ordered transactions are others': each has one version.
std::uint64_t others(const Watermarks& marks) { return marks.ordered - marks.acknowledged; }

}  // namespace

base::Result<std::unique_ptr<WatermarkBoard>> WatermarkBoard::make() {
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) {
    return base::Error{base::ErrorCode::kIo,
                       "a descriptor to wake a program by could not be made: " +
                           std::generic_category().message(errno)};
  }
  return std::unique_ptr<WatermarkBoard>(new WatermarkBoard(wake_fd));
}

WatermarkBoard::~WatermarkBoard() { ::close(wake_fd_); }

void WatermarkBoard::publish(const Watermarks& marks) {
  const std::lock_guard guard(mutex_);
  const std::uint64_t others_before = others(marks_);
  raise(marks_, marks);
  ordered_.store(marks_.ordered, std::memory_order_release);
  // Whoever opens begins with what the first marks say.
  if (is_published_ && others(marks_) > others_before) wake_locked();
  is_published_ = true;
  changed_.notify_all();
}

void WatermarkBoard::fail(const base::Error& error) {
  const std::lock_guard guard(mutex_);
  failure_ = error;
  changed_.notify_all();
}

void WatermarkBoard::clear_failure() {
  const std::lock_guard guard(mutex_);
  failure_.reset();
}

Watermarks WatermarkBoard::read() const {
  const std::lock_guard guard(mutex_);
  return marks_;
}

std::optional<base::Error> WatermarkBoard::failure() const {
  const std::lock_guard guard(mutex_);
  return failure_;
}

base::Result<void> WatermarkBoard::wait(
    const std::function<bool(const Watermarks&)>& reached) const {
  std::unique_lock guard(mutex_);
  changed_.wait(guard, [&] { return failure_ || reached(marks_); });
  if (reached(marks_)) return {};
  return *failure_;
}

void WatermarkBoard::wake() {
  const std::lock_guard guard(mutex_);
  wake_locked();
}

void WatermarkBoard::wake_locked() {
  if (is_awake_) return;
  is_awake_ = true;
  const std::uint64_t one = 1;
  // A counter that stands at 0 takes 1; EINTR is not given for one that can't block.
  (void)!::write(wake_fd_, &one, sizeof one);
}

void WatermarkBoard::clear_wake() {
  const std::lock_guard guard(mutex_);
  if (!is_awake_) return;
  is_awake_ = false;
  std::uint64_t count = 0;
  (void)!::read(wake_fd_, &count, sizeof count);
}

}  // namespace tremula::persist
