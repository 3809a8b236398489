#include "persist/commit_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/check.h"

namespace tremula::persist {

namespace {

constexpr std::size_t kSizeBytes = 8;  // before each record: its size * 2 + wants_stamps

}  // namespace

bool CommitChunk::fits(std::size_t record) const {
  return capacity_ - used_ >= capacity_for(record);
}

std::size_t CommitChunk::capacity_for(std::size_t record) { return kSizeBytes + record; }

void CommitChunk::add(std::string_view record, std::uint64_t version, bool wants_stamps) {
  TREMULA_ASSERT(fits(record.size()));
  if (commits_ == 0) first_version_ = version;
  TREMULA_ASSERT(version == first_version_ + commits_);
  base::store_u64(bytes_.get() + used_, record.size() << 1 | (wants_stamps ? 1 : 0));
  std::memcpy(bytes_.get() + used_ + kSizeBytes, record.data(), record.size());
  used_ += capacity_for(record.size());
  payload_ += record.size();
  ++commits_;
}

void CommitChunk::list(std::vector<LogCommit>& group) const {
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < commits_; ++i) {
    const std::uint64_t head = base::load_u64(bytes_.get() + at);
    const std::size_t size = head >> 1;
    group.push_back({first_version_ + i, {bytes_.get() + at + kSizeBytes, size}, (head & 1) != 0});
    at += capacity_for(size);
  }
}

void CommitQueue::push(std::string_view record, std::uint64_t version, bool wants_stamps) {
  TREMULA_ASSERT(has_room(record.size()));
  if (waiting_.empty() || !waiting_.back().fits(record.size())) {
    const std::size_t needed = CommitChunk::capacity_for(record.size());
    if (needed > kChunkBytes) {
      waiting_.emplace_back(needed);
    } else if (spare_.empty()) {
      waiting_.emplace_back(kChunkBytes);
    } else {
      waiting_.push_back(std::move(spare_.back()));
      spare_.pop_back();
    }
  }
  waiting_.back().add(record, version, wants_stamps);
  bytes_ += record.size();
}

void CommitQueue::take(std::size_t bytes, std::vector<CommitChunk>& taken) {
  std::size_t chunks = 0;
  for (std::size_t sum = 0; chunks < waiting_.size() && (chunks == 0 || sum < bytes); ++chunks) {
    sum += waiting_[chunks].payload();
  }
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(chunks);
  std::move(waiting_.begin(), end, std::back_inserter(taken));
  waiting_.erase(waiting_.begin(), end);
}

void CommitQueue::give_back(std::vector<CommitChunk>& taken) {
  for (CommitChunk& chunk : taken) {
    bytes_ -= chunk.payload();
    if (chunk.capacity() != kChunkBytes || spare_.size() >= kSpareMax) continue;
    chunk.clear();
    spare_.push_back(std::move(chunk));
  }
}

}  // namespace tremula::persist
