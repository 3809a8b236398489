// PartTail: parts that an object holds where its template says so, behind it in its own allocation.
//
//   | object | part | part | parameters of the object |
//
//   using Tail = PartTail<Members, DerivedRelation>;
//   layout = Tail::lay_out(sizeof(Object), {true, false});    once for all objects of a template
//   std::construct_at(Tail::get<0>(this, layout));  if (Members* members = Tail::get<0>(...)) ...
//
// The object constructs its parts, and destroys them by Tail::destroy().
// Thread: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <tuple>
#include <utility>

namespace tremula::dataflow {

// Where things stand behind an object: bytes from its beginning.
struct TailLayout {
  static constexpr std::size_t kPartsMax = 6;
  std::array<std::uint16_t, kPartsMax> part_at = {};  // 0: there is no such part
  std::uint16_t tail_at = 0;                          // what stands behind the parts
  bool has_parts = false;
};

template <typename... Part>
class PartTail {
  static_assert(sizeof...(Part) <= TailLayout::kPartsMax);

 public:
  template <std::size_t kPart>
  using Nth = std::tuple_element_t<kPart, std::tuple<Part...>>;

  // `has`: which of the parts.
  static TailLayout lay_out(std::size_t object_bytes, std::initializer_list<bool> has) {
    static_assert(((alignof(Part) <= alignof(void*) && sizeof(Part) % alignof(void*) == 0) && ...));
    constexpr std::size_t kSizes[] = {sizeof(Part)...};
    TailLayout made;
    std::size_t at = object_bytes;
    std::size_t part = 0;
    for (const bool there : has) {
      if (there) {
        made.part_at[part] = static_cast<std::uint16_t>(at);
        made.has_parts = true;
        at += kSizes[part];
      }
      ++part;
    }
    made.tail_at = static_cast<std::uint16_t>(at);
    return made;
  }
  // Returns: null if there is no such part.
  template <std::size_t kPart>
  static Nth<kPart>* get(const void* object, const TailLayout& layout) {
    const std::uint16_t at = layout.part_at[kPart];
    if (at == 0) return nullptr;
    auto* bytes = static_cast<char*>(const_cast<void*>(object));
    return reinterpret_cast<Nth<kPart>*>(bytes + at);
  }
  // Requires: all that are there were constructed.
  static void destroy(void* object, const TailLayout& layout) {
    destroy(object, layout, std::index_sequence_for<Part...>());
  }

 private:
  template <std::size_t... kPart>
  static void destroy(void* object, const TailLayout& layout, std::index_sequence<kPart...>) {
    ((layout.part_at[kPart] != 0 ? std::destroy_at(get<kPart>(object, layout)) : void()), ...);
  }
};

}  // namespace tremula::dataflow
