// ParentList: who uses a child instance: which rows of which instances, at which site.
//
// A parent may stand in it more than once (a pair of a LEFT JOIN is named by its right row alone).
// Few parents are a plain array, many a hash table.
// Thread: the writer thread alone.
#pragma once

#include <cstdint>
#include <memory>
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
  bool empty() const { return few_.empty() && !many_; }

  void add(const ParentRef& parent) {
    if (!many_ && few_.size() < kFewMax) {
      few_.push_back(parent);
      return;
    }
    if (!many_) many_ = std::make_unique<Counts>();
    for (const ParentRef& p : few_) ++(*many_)[p];
    few_ = {};
    ++(*many_)[parent];
  }

  // Requires: it was added.
  void remove(const ParentRef& parent) {
    if (many_) {
      std::uint32_t* count = many_->find(parent);
      TREMULA_ASSERT(count != nullptr);
      if (--*count == 0) many_->erase(parent);
      if (many_->size() <= kFewMax / 4) make_few();
      return;
    }
    for (ParentRef& p : few_) {
      if (!(p == parent)) continue;
      p = few_.back();
      few_.pop_back();
      return;
    }
    TREMULA_ASSERT(!"a parent that was added");
  }

  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    for (const ParentRef& p : few_) visit(p);
    if (!many_) return;
    for (const auto& entry : *many_) visit(entry.key);
  }

  std::size_t memory_bytes() const {
    return few_.capacity() * sizeof(ParentRef) +
           (many_ ? sizeof(Counts) + many_->memory_bytes() : 0);
  }

 private:
  void make_few() {
    std::vector<ParentRef> all;
    for (const auto& entry : *many_) {
      if (all.size() + entry.value > kFewMax) return;  // one stands in it very often
      all.insert(all.end(), entry.value, entry.key);
    }
    few_ = std::move(all);
    many_.reset();
  }

  static constexpr std::size_t kFewMax = 12;
  std::vector<ParentRef> few_;
  using Counts = base::FlatMap<ParentRef, std::uint32_t, ParentHash>;
  std::unique_ptr<Counts> many_;  // then no few
};

}  // namespace tremula::dataflow
