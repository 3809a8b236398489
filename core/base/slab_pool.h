// SlabPool: memory for very many small objects of few sizes: nothing stands between them, and
// slabs without objects go back, but one.
//
//   16 KB  [ head | object | object | free -> | object | never used ... ]    one size each
//
// An allocator of all sizes keeps 8 bytes before each object and rounds up to 16.
// Thread: one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#include "core/base/check.h"

namespace tremula::base {

class SlabPool {
 public:
  static constexpr std::size_t kSlabBytes = 16 * 1024;
  static constexpr std::size_t kObjectMax = 512;  // larger ones get memory of their own

  SlabPool() = default;
  // Requires: all was freed.
  ~SlabPool() {
    TREMULA_ASSERT(slabs_ == (spare_ == nullptr ? 0 : 1));
    std::free(spare_);
  }
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;

  // As ::operator new(bytes), aligned for a pointer.
  void* allocate(std::size_t bytes) {
    if (!is_pooled(bytes)) return ::operator new(bytes);
    const std::size_t size = rounded(bytes);
    Slab*& first = open_[size / kUnit];
    if (first == nullptr) first = make_slab();
    Slab& slab = *first;
    void* place = slab.free;
    if (place != nullptr) {
      slab.free = *static_cast<void**>(place);
    } else {
      place = reinterpret_cast<char*>(&slab) + slab.end;
      slab.end += static_cast<std::uint32_t>(size);
    }
    ++slab.used;
    if (slab.is_full(size)) unlink(slab, first);
    return place;
  }

  // Requires: it was allocated here with so many bytes.
  void free(void* memory, std::size_t bytes) {
    if (!is_pooled(bytes)) {
      ::operator delete(memory);
      return;
    }
    const std::size_t size = rounded(bytes);
    Slab*& first = open_[size / kUnit];
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    Slab& slab = *reinterpret_cast<Slab*>(address & ~std::uintptr_t{kSlabBytes - 1});
    if (slab.is_full(size)) link(slab, first);
    *static_cast<void**>(memory) = slab.free;
    slab.free = memory;
    --slab.used;
    if (slab.used > 0) return;
    unlink(slab, first);
    give_back(&slab);
  }

  std::size_t memory_bytes() const { return slabs_ * kSlabBytes; }

 private:
  static constexpr std::size_t kUnit = sizeof(void*);
  // What an allocator keeps before memory: so slabs stand side by side.
  static constexpr std::size_t kApart = 2 * sizeof(void*);

  struct Slab {
    Slab* next = nullptr;  // with room
    Slab* previous = nullptr;
    void* free = nullptr;  // the first freed object, which holds the next
    std::uint32_t used = 0;
    std::uint32_t end = sizeof(Slab);  // never used from here on

    bool is_full(std::size_t size) const {
      return free == nullptr && end + size > kSlabBytes - kApart;
    }
  };

  static bool is_pooled(std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
    return bytes == 0;  // it watches each object
#else
    return bytes <= kObjectMax;
#endif
  }
  static std::size_t rounded(std::size_t bytes) { return (bytes + kUnit - 1) / kUnit * kUnit; }
  Slab* make_slab() {
    if (spare_ != nullptr) return ::new (std::exchange(spare_, nullptr)) Slab;
    // Not aligned_alloc: it may ask for whole multiples.
    void* memory = nullptr;
    const int failed = posix_memalign(&memory, kSlabBytes, kSlabBytes - kApart);
    TREMULA_ASSERT(failed == 0);
    ++slabs_;
    return ::new (memory) Slab;
  }
  // One stays, so that one object that comes and goes takes no memory each time.
  void give_back(Slab* slab) {
    if (spare_ == nullptr) {
      spare_ = slab;
      return;
    }
    --slabs_;
    std::free(slab);
  }
  static void link(Slab& slab, Slab*& first) {
    slab.next = first;
    if (first != nullptr) first->previous = &slab;
    first = &slab;
  }
  static void unlink(Slab& slab, Slab*& first) {
    (slab.previous == nullptr ? first : slab.previous->next) = slab.next;
    if (slab.next != nullptr) slab.next->previous = slab.previous;
    slab.next = slab.previous = nullptr;
  }

  std::array<Slab*, kObjectMax / kUnit + 1> open_ = {};  // by size
  Slab* spare_ = nullptr;                                // without objects
  std::size_t slabs_ = 0;
};

}  // namespace tremula::base
