// PointerList: a list of pointers that takes a word while it has one element at most.
//
//   0: none      a pointer: one      a pointer with its lowest bit set: to a vector of several
//
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tremula::dataflow {

template <typename T>
class PointerList {
 public:
  PointerList() = default;
  ~PointerList() { delete several(); }
  PointerList(PointerList&& other) noexcept : word_(other.word_) { other.word_ = 0; }
  PointerList& operator=(PointerList&& other) noexcept {
    std::swap(word_, other.word_);
    return *this;
  }

  std::span<T* const> items() const {
    if (word_ == 0) return {};
    if (const std::vector<T*>* all = several()) return *all;
    return {reinterpret_cast<T* const*>(&word_), 1};
  }
  bool empty() const { return word_ == 0; }

  // Puts the item at `index`, before what stands there.
  void insert(std::size_t index, T* item) {
    if (word_ == 0) {
      word_ = reinterpret_cast<std::uintptr_t>(item);
      return;
    }
    std::vector<T*>* all = several();
    if (all == nullptr) {
      all = new std::vector<T*>{reinterpret_cast<T*>(word_)};
      word_ = reinterpret_cast<std::uintptr_t>(all) | 1;
    }
    all->insert(all->begin() + static_cast<std::ptrdiff_t>(index), item);
  }
  void push_back(T* item) { insert(items().size(), item); }
  void erase(std::size_t index) {
    std::vector<T*>* all = several();
    if (all == nullptr) {
      word_ = 0;
      return;
    }
    all->erase(all->begin() + static_cast<std::ptrdiff_t>(index));
    // shrink_to_fit() does nothing without exceptions.
    if (all->capacity() > 4 && all->size() < all->capacity() / 2) *all = std::vector<T*>(*all);
    if (all->size() > 1) return;
    word_ = reinterpret_cast<std::uintptr_t>(all->front());
    delete all;
  }

  // Besides the word itself.
  std::size_t memory_bytes() const {
    const std::vector<T*>* all = several();
    return all == nullptr ? 0 : sizeof(*all) + all->capacity() * sizeof(T*);
  }

 private:
  std::vector<T*>* several() const {
    return (word_ & 1) == 0 ? nullptr
                            : reinterpret_cast<std::vector<T*>*>(word_ & ~std::uintptr_t{1});
  }
  std::uintptr_t word_ = 0;
};

}  // namespace tremula::dataflow
