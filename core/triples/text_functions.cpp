#include "core/triples/text_functions.h"

#include <algorithm>
#include <limits>

#include "core/triples/number_text.h"
#include "core/triples/utf8.h"
#include "core/triples/value_ops.h"
#include "core/triples/value_text.h"

namespace tremula::triples {

namespace {

template <typename Change>
Value map_bytes(Value value, base::Arena& arena, Change change) {
  const ValueText text(value);
  if (text.is_null()) return Value::null();
  char* out = arena.allocate(text.view().size());
  std::transform(text.view().begin(), text.view().end(), out, change);
  return Value::text_of({out, text.view().size()});
}

// Whether one of the code points of `set` stands at `at`.
bool stands_in(std::string_view set, std::string_view text, std::size_t at) {
  for (std::size_t i = 0; i < set.size();) {
    const std::size_t begin = i;
    skip_code_point(set, i);
    if (text.compare(at, i - begin, set, begin, i - begin) == 0) return true;
  }
  return false;
}

std::size_t last_code_point(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

struct Cut {
  std::size_t begin = 0;
  std::size_t count = 0;
};

// SQLite's rules: 1 is the first place, 0 stands before it and takes one of the count, negative
// ones count from the end, and a negative count takes what stands before the place.
// In 128 bits, so that no pair of INTs overflows.
Cut cut_of(__int128 place, __int128 count, std::size_t size) {
  const __int128 length = size;
  const bool backwards = count < 0;
  if (backwards) count = -count;
  if (place < 0) {
    place += length;
    if (place < 0) {
      count = std::max<__int128>(count + place, 0);
      place = 0;
    }
  } else if (place > 0) {
    --place;
  } else if (count > 0) {
    --count;
  }
  if (backwards) {
    place -= count;
    if (place < 0) {
      count += place;
      place = 0;
    }
  }
  place = std::min(place, length);
  count = std::clamp<__int128>(count, 0, length - place);
  return {static_cast<std::size_t>(place), static_cast<std::size_t>(count)};
}

std::string_view code_points_of(std::string_view text, Cut cut) {
  std::size_t begin = 0;
  for (; cut.begin > 0; --cut.begin) skip_code_point(text, begin);
  std::size_t end = begin;
  for (; cut.count > 0; --cut.count) skip_code_point(text, end);
  return text.substr(begin, end - begin);
}

// A place or a count; false: not a number.
bool whole_number(Value value, std::int64_t& number) {
  if (!value.is_number()) return false;
  number = value.kind == Kind::kInt ? value.integer : int_from_real(value.number);
  return true;
}

std::size_t count_of(std::string_view part, std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

}  // namespace

Value concat(Value a, Value b, base::Arena& arena) {
  const ValueText left(a);
  const ValueText right(b);
  if (left.is_null() || right.is_null()) return Value::null();
  const std::size_t size = left.view().size() + right.view().size();
  if (size > kTextBytesMax) return Value::null();
  char* out = arena.allocate(size);
  std::copy(left.view().begin(), left.view().end(), out);
  std::copy(right.view().begin(), right.view().end(), out + left.view().size());
  return Value::text_of({out, size});
}

Value text_length(Value value) {
  if (value.kind == Kind::kBytes) return Value::int_of(value.size);
  if (value.kind == Kind::kText && value.is_ascii) return Value::int_of(value.size);
  const ValueText text(value);
  if (text.is_null()) return Value::null();
  return Value::int_of(static_cast<std::int64_t>(count_code_points(text.view())));
}

Value text_lower(Value value, base::Arena& arena) {
  return map_bytes(value, arena, [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
}

Value text_upper(Value value, base::Arena& arena) {
  return map_bytes(value, arena, [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  });
}

Value text_trim(std::span<const Value> arguments, TrimSide side, base::Arena& arena) {
  const ValueText text(arguments[0]);
  const ValueText set(arguments.size() > 1 ? arguments[1] : Value::text_of(" "));
  if (text.is_null() || set.is_null()) return Value::null();
  std::string_view rest = text.view();
  if (side != TrimSide::kRight) {
    std::size_t at = 0;
    while (at < rest.size() && stands_in(set.view(), rest, at)) skip_code_point(rest, at);
    rest.remove_prefix(at);
  }
  if (side != TrimSide::kLeft) {
    while (!rest.empty() && stands_in(set.view(), rest, last_code_point(rest))) {
      rest.remove_suffix(rest.size() - last_code_point(rest));
    }
  }
  return text.keep(rest, arena);
}

Value text_substr(std::span<const Value> arguments, base::Arena& arena) {
  std::int64_t place = 0;
  std::int64_t count = std::numeric_limits<std::int64_t>::max();
  if (!whole_number(arguments[1], place)) return Value::null();
  if (arguments.size() > 2 && !whole_number(arguments[2], count)) return Value::null();
  if (arguments[0].kind == Kind::kBytes) {
    const std::string_view bytes = arguments[0].view();
    if (bytes.empty()) return Value::null();  // as SQLite does, which knows no empty BLOB here
    const Cut cut = cut_of(place, count, bytes.size());
    return Value::bytes_of(bytes.substr(cut.begin, cut.count));
  }
  const ValueText text(arguments[0]);
  if (text.is_null()) return Value::null();
  const Cut cut = cut_of(place, count, count_code_points(text.view()));
  return text.keep(code_points_of(text.view(), cut), arena);
}

Value text_instr(Value text, Value part) {
  const bool by_bytes = text.kind == Kind::kBytes && part.kind == Kind::kBytes;
  const ValueText text_view(by_bytes ? Value::text_of(text.view()) : text);
  const ValueText part_view(by_bytes ? Value::text_of(part.view()) : part);
  if (text_view.is_null() || part_view.is_null()) return Value::null();
  const std::size_t at = text_view.view().find(part_view.view());
  if (at == std::string_view::npos) return Value::int_of(0);
  const std::size_t before = by_bytes ? at : count_code_points(text_view.view().substr(0, at));
  return Value::int_of(static_cast<std::int64_t>(before) + 1);
}

Value text_replace(Value text, Value part, Value by, base::Arena& arena) {
  const ValueText text_view(text);
  const ValueText part_view(part);
  const ValueText by_view(by);
  if (text_view.is_null() || part_view.is_null()) return Value::null();
  const std::string_view from = text_view.view();
  const std::string_view old_part = part_view.view();
  if (old_part.empty()) return text_view.keep(from, arena);  // SQLite doesn't look at the third
  if (by_view.is_null()) return Value::null();
  const std::string_view new_part = by_view.view();
  const std::size_t count = count_of(old_part, from);
  if (count == 0) return text_view.keep(from, arena);
  // Each factor is below 2^32, so that nothing overflows.
  const std::size_t size = from.size() - count * old_part.size() + count * new_part.size();
  if (size > kTextBytesMax) return Value::null();
  char* const out = arena.allocate(size);
  char* end = out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t next = from.find(old_part, at);
    end = std::copy(from.begin() + static_cast<std::ptrdiff_t>(at),
                    from.begin() + static_cast<std::ptrdiff_t>(next), end);
    end = std::copy(new_part.begin(), new_part.end(), end);
    at = next + old_part.size();
  }
  std::copy(from.begin() + static_cast<std::ptrdiff_t>(at), from.end(), end);
  return Value::text_of({out, size});
}

}  // namespace tremula::triples
