// ParentList: who uses a child instance: which rows of which instances, at which site.
//
// A parent may stand in it more than once (a pair of a LEFT JOIN is named by its right row alone).
// One parent stands in the list itself, a few in an array, many in a hash table.
// Thread: the writer thread alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/flat_map.h"
#include "core/dataflow/order_tree.h"

namespace tremula::dataflow {

class Instance;

// Which list of sites a site stands in.
enum class SiteScope : std::uint8_t { kTuple, kGroup, kShape, kDerived };

inline constexpr RowId kAllRows = 0xFFFF'FFFF;

struct ParentRef {
  Instance* owner = nullptr;
  RowId row = kAllRows;
  std::uint16_t site = 0;
  SiteScope scope = SiteScope::kTuple;

  friend bool operator==(const ParentRef&, const ParentRef&) = default;
};

struct ParentHash {
  std::uint64_t operator()(const ParentRef& p) const {
    std::uint64_t h = reinterpret_cast<std::uintptr_t>(p.owner);
    h = (h ^ (std::uint64_t{p.row} << 20) ^ (std::uint64_t{p.site} << 2) ^
         static_cast<std::uint64_t>(p.scope)) *
        0x9E37'79B9'7F4A'7C15U;
    h = (h ^ (h >> 29)) * 0xBF58'476D'1CE4'E5B9U;
    return h ^ (h >> 32);
  }
};

class ParentList {
 public:
  ParentList() = default;
  ~ParentList() { delete several(); }
  ParentList(ParentList&& other) noexcept
      : word_(std::exchange(other.word_, 0)),
        row_(other.row_),
        site_(other.site_),
        scope_(other.scope_) {}
  ParentList& operator=(ParentList&& other) noexcept {
    std::swap(word_, other.word_);
    row_ = other.row_, site_ = other.site_, scope_ = other.scope_;
    return *this;
  }

  bool empty() const { return word_ == 0; }

  void add(const ParentRef& parent) {
    if (word_ == 0) {
      set_one(parent);
      return;
    }
    Several* all = several();
    if (all == nullptr) {
      all = new Several;
      all->few.push_back(one());
      word_ = reinterpret_cast<std::uintptr_t>(all) | 1;
    }
    if (all->many.empty() && all->few.size() < kFewMax) {
      all->few.push_back(parent);
      return;
    }
    for (const ParentRef& p : all->few) ++all->many[p];
    all->few = {};
    ++all->many[parent];
  }

  // Requires: it was added.
  void remove(const ParentRef& parent) {
    Several* all = several();
    if (all == nullptr) {
      TREMULA_ASSERT(word_ != 0 && one() == parent);
      word_ = 0;
      return;
    }
    if (!all->many.empty()) {
      std::uint32_t* count = all->many.find(parent);
      TREMULA_ASSERT(count != nullptr);
      if (--*count == 0) all->many.erase(parent);
      if (all->many.size() <= kFewMax / 4) make_few(*all);
    } else {
      const auto found = std::find(all->few.begin(), all->few.end(), parent);
      TREMULA_ASSERT(found != all->few.end());
      *found = all->few.back();
      all->few.pop_back();
      // shrink_to_fit() does nothing without exceptions.
      if (all->few.capacity() >= 2 * all->few.size()) all->few = std::vector<ParentRef>(all->few);
    }
    if (!all->many.empty() || all->few.size() > 1) return;
    const ParentRef last = all->few.front();
    delete all;
    set_one(last);
  }

  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    if (word_ == 0) return;
    const Several* all = several();
    if (all == nullptr) {
      visit(one());
      return;
    }
    for (const ParentRef& p : all->few) visit(p);
    for (const auto& entry : all->many) visit(entry.key);
  }

  // Besides this object.
  std::size_t memory_bytes() const {
    const Several* all = several();
    if (all == nullptr) return 0;
    return sizeof(*all) + all->few.capacity() * sizeof(ParentRef) + all->many.memory_bytes();
  }

 private:
  struct Several {
    std::vector<ParentRef> few;
    base::FlatMap<ParentRef, std::uint32_t, ParentHash> many;  // with how often; then no few
  };
  static void make_few(Several& all) {
    std::vector<ParentRef> few;
    for (const auto& entry : all.many) {
      if (few.size() + entry.value > kFewMax) return;  // one stands in it very often
      few.insert(few.end(), entry.value, entry.key);
    }
    all.few = std::move(few);
    all.many = {};
  }
  Several* several() const {
    return (word_ & 1) == 0 ? nullptr : reinterpret_cast<Several*>(word_ & ~std::uintptr_t{1});
  }
  ParentRef one() const { return {reinterpret_cast<Instance*>(word_), row_, site_, scope_}; }
  void set_one(const ParentRef& parent) {
    word_ = reinterpret_cast<std::uintptr_t>(parent.owner);
    row_ = parent.row, site_ = parent.site, scope_ = parent.scope;
  }

  static constexpr std::size_t kFewMax = 12;
  std::uintptr_t word_ = 0;  // 0: none; the owner of the only one; or a Several, lowest bit set
  RowId row_ = 0;
  std::uint16_t site_ = 0;
  SiteScope scope_ = SiteScope::kTuple;
};
static_assert(sizeof(ParentList) == 16);

}  // namespace tremula::dataflow
