// Arena: memory for what lives as long as one step or one statement, given back all at once.
//
// Invariants:
//   1  a pointer stays valid until clear() or the arena's end; chunks are never moved.
//   2  clear() keeps the largest chunk, so a steady load allocates nothing.
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace tremula::base {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Returns: `bytes` bytes aligned to 8.  Cost: O(1), or one allocation per chunk.
  char* allocate(std::size_t bytes) {
    bytes = (bytes + 7) & ~std::size_t{7};
    if (chunks_.empty() || bytes > chunks_.back().size - used_) return allocate_slow(bytes);
    char* place = chunks_.back().memory.get() + used_;
    used_ += bytes;
    return place;
  }
  // A copy of `text` that lives as long as the arena's contents.
  std::string_view copy(std::string_view text);
  void clear();
  std::size_t bytes_reserved() const;

 private:
  struct Chunk {
    std::unique_ptr<char[]> memory;
    std::size_t size = 0;
  };
  char* allocate_slow(std::size_t bytes);
  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;  // of the last chunk
};

}  // namespace tremula::base
