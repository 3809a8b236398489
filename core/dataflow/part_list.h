// PartList: parts that an object owns where it needs them; of which mostly one is there, or none,
// and then it takes a word.
//
//   0: none      a pointer with the part's number in its lowest bits      a pointer to all parts
//
//   PartList<Members, DerivedRelation> parts;
//   parts.set<0>(std::make_unique<Members>());  if (Members* members = parts.get<0>()) ...
//
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>

namespace tremula::dataflow {

template <typename... Part>
class PartList {
 public:
  template <std::size_t kPart>
  using Nth = std::tuple_element_t<kPart, std::tuple<Part...>>;

  PartList() = default;
  ~PartList() { forget(std::index_sequence_for<Part...>()); }
  PartList(const PartList&) = delete;
  PartList& operator=(const PartList&) = delete;

  bool empty() const { return word_ == 0; }
  // Returns: null if there is no such part.
  template <std::size_t kPart>
  Nth<kPart>* get() const {
    if (number() == kPart + 1) return reinterpret_cast<Nth<kPart>*>(word_ - (kPart + 1));
    const All* parts = all();
    return parts == nullptr ? nullptr : std::get<kPart>(*parts).get();
  }
  // Requires: there is no such part.
  template <std::size_t kPart>
  void set(std::unique_ptr<Nth<kPart>> part) {
    if (word_ == 0) {
      word_ = reinterpret_cast<std::uintptr_t>(part.release()) | (kPart + 1);
      return;
    }
    gather(std::index_sequence_for<Part...>());
    std::get<kPart>(*all()) = std::move(part);
  }
  // Besides this object, without the parts.
  std::size_t memory_bytes() const { return all() == nullptr ? 0 : sizeof(All); }

 private:
  using All = std::tuple<std::unique_ptr<Part>...>;
  static constexpr std::uintptr_t kNumbers = 7;
  static_assert(sizeof...(Part) <= kNumbers, "allocated memory has three bits for the number");

  std::uintptr_t number() const { return word_ & kNumbers; }
  All* all() const { return number() != 0 ? nullptr : reinterpret_cast<All*>(word_); }
  template <std::size_t... kPart>
  void gather(std::index_sequence<kPart...>) {
    if (number() == 0) return;
    auto parts = std::make_unique<All>();
    ((number() == kPart + 1 ? std::get<kPart>(*parts).reset(get<kPart>()) : void()), ...);
    word_ = reinterpret_cast<std::uintptr_t>(parts.release());
  }
  template <std::size_t... kPart>
  void forget(std::index_sequence<kPart...>) {
    if (all() != nullptr)
      delete all();
    else
      ((number() == kPart + 1 ? delete get<kPart>() : void()), ...);
  }

  std::uintptr_t word_ = 0;
};

}  // namespace tremula::dataflow
