// CommitQueue: the transactions that wait for the log, as bytes in chunks that are used again.
//
//   push -> [chunk: size record size record ...][chunk ...] -take-> whole chunks, oldest first
//                                                           <-give_back-
//
// Chunks move whole from the side that commits to the side that writes, so that neither touches
// what the other has, and a steady stream of transactions allocates nothing.
// Invariants:
//   Q1  bytes() counts every record that was pushed and not given back; it passes the bound only by
//       the one record that found the queue empty.
//   Q2  versions go on by one, from chunk to chunk too.
// Thread: one at a time; records in chunks that were taken may be read by another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "persist/log.h"

namespace tremula::persist {

class CommitChunk {
 public:
  CommitChunk() = default;
  explicit CommitChunk(std::size_t capacity)
      : bytes_(std::make_unique_for_overwrite<char[]>(capacity)), capacity_(capacity) {}

  std::size_t capacity() const { return capacity_; }
  std::size_t payload() const { return payload_; }  // bytes of its records
  bool fits(std::size_t record) const;
  // Requires: fits(record.size()), and the version after the last one's here.
  void add(std::string_view record, std::uint64_t version, bool wants_stamps);
  // Appends its transactions to `group`.  Borrowed: from the chunk.
  void list(std::vector<LogCommit>& group) const;
  void clear() { used_ = payload_ = commits_ = 0; }
  // The capacity that a chunk of its own needs for a record.
  static std::size_t capacity_for(std::size_t record);

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::size_t payload_ = 0;
  std::size_t commits_ = 0;
  std::uint64_t first_version_ = 0;
};

class CommitQueue {
 public:
  static constexpr std::size_t kChunkBytes = 256U << 10;

  explicit CommitQueue(std::size_t bound) : bound_(bound) {}

  // Whether a record may be pushed: an empty queue takes any.
  bool has_room(std::size_t record) const { return bytes_ == 0 || bytes_ + record <= bound_; }
  // Requires: has_room(record.size()).
  void push(std::string_view record, std::uint64_t version, bool wants_stamps = false);
  bool empty() const { return waiting_.empty(); }  // nothing to take
  std::size_t bytes() const { return bytes_; }     // also of what was taken
  // Moves the oldest chunks to the end of `taken`, up to about `bytes`, and at least one.
  void take(std::size_t bytes, std::vector<CommitChunk>& taken);
  // The records in the chunks are done with. Chunks that are not kept stay in `taken`: they are
  // freed by whoever clears it, where nobody waits for it.
  void give_back(std::vector<CommitChunk>& taken);

 private:
  static constexpr std::size_t kSpareMax = 64;

  std::size_t bound_;
  std::size_t bytes_ = 0;
  std::vector<CommitChunk> waiting_;
  std::vector<CommitChunk> spare_;
};

}  // namespace tremula::persist
