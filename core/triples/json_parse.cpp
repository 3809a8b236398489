#include <algorithm>
#include <string>
#include <vector>

// In a namespace of its own: a program that links us and parses with nlohmann/json itself would
// else share functions with us that are compiled without exceptions.
#define NLOHMANN_JSON_NAMESPACE_BEGIN \
  namespace nlohmann {                \
  inline namespace tremula_private {
#define NLOHMANN_JSON_NAMESPACE_END \
  }                                 \
  }
#include <nlohmann/json.hpp>

#include "core/triples/number_text.h"
#include "core/triples/utf8.h"
#include "core/triples/value_ops.h"
#include "core/triples/value_text.h"

namespace tremula::triples {

namespace {

constexpr std::size_t kDepthMax = 100;
constexpr std::size_t kFewMembers = 8;  // comparing each with each is cheaper than sorting

// long double: nlohmann/json refuses what its float can't hold, and 1e999 is how we print Infinity.
// What lies beyond long doubles too (1e4932) stays refused.
using Json = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t,
                                  std::uint64_t, long double>;

// Writes canonical text as the parser goes; builds no tree.
class CanonicalWriter {
 public:
  bool null() { return put(Value::null()); }
  bool boolean(bool value) { return put(Value::boolean_of(value)); }
  bool number_integer(std::int64_t value) { return put(Value::int_of(value)); }
  bool number_unsigned(std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(INT64_MAX))
      return put(Value::real(static_cast<double>(value)));
    return put(Value::int_of(static_cast<std::int64_t>(value)));
  }
  bool number_float(long double, const std::string& literal) {
    return put(number_from_text(literal));
  }
  bool string(std::string& value) { return put(Value::text_of(value)); }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open('{'); }
  bool start_array(std::size_t) { return open('['); }

  bool key(std::string& name) {
    separate();
    Member member;
    member.key_begin = text_.size();
    print_json_string(name, text_);
    member.value_begin = text_.size();
    members_.push_back(member);
    text_ += ':';
    return true;
  }

  bool end_object() {
    end_member();
    drop_duplicates(frames_.back());
    members_.resize(frames_.back().first_member);
    return close('}');
  }

  bool end_array() { return close(']'); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) {
    return false;
  }

  // The value that was read; its bytes are this object's.
  Value result() const { return is_scalar_ ? scalar_.value() : Value::json_of(text_); }

 private:
  struct Frame {
    bool is_object = false;
    bool is_empty = true;
    std::size_t first_member = 0;
    std::size_t begin = 0;
  };
  // In text_: "key" from key_begin, :value from value_begin to value_end.
  struct Member {
    std::size_t key_begin = 0;
    std::size_t value_begin = 0;
    std::size_t value_end = 0;
  };

  bool put(Value value) {
    if (frames_.empty()) {
      scalar_ = OwnedValue(value);
      is_scalar_ = true;
      return true;
    }
    if (!frames_.back().is_object) separate();
    print_json(value, text_);
    return true;
  }

  bool open(char bracket) {
    if (frames_.size() == kDepthMax) return false;
    if (!frames_.empty() && !frames_.back().is_object) separate();
    frames_.push_back({bracket == '{', true, members_.size(), text_.size()});
    text_ += bracket;
    return true;
  }

  bool close(char bracket) {
    frames_.pop_back();
    text_ += bracket;
    return true;
  }

  void separate() {
    end_member();
    if (!frames_.back().is_empty) text_ += ',';
    frames_.back().is_empty = false;
  }

  void end_member() {
    const Frame& frame = frames_.back();
    if (frame.is_object && members_.size() > frame.first_member)
      members_.back().value_end = text_.size();
  }

  std::string_view key_of(const Member& member) const {
    return std::string_view(text_).substr(member.key_begin, member.value_begin - member.key_begin);
  }

  bool repeats_a_name(std::span<const Member> members) const {
    for (std::size_t i = 1; i < members.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (key_of(members[i]) == key_of(members[j])) return true;
      }
    }
    return false;
  }

  // The first member of a name keeps its place and gets the value of the last one.
  void drop_duplicates(const Frame& frame) {
    const std::span<Member> members = std::span(members_).subspan(frame.first_member);
    if (members.size() <= kFewMembers && !repeats_a_name(members)) return;
    std::vector<std::size_t> order(members.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return key_of(members[a]) < key_of(members[b]);
    });
    std::vector<std::size_t> value_of(members.size());  // npos: dropped
    bool any = false;
    for (std::size_t i = 0; i < order.size();) {
      std::size_t end = i + 1;
      while (end < order.size() && key_of(members[order[i]]) == key_of(members[order[end]])) ++end;
      for (std::size_t j = i; j < end; ++j) value_of[order[j]] = std::string::npos;
      value_of[order[i]] = order[end - 1];
      any = any || end > i + 1;
      i = end;
    }
    if (any) rewrite(frame, members, value_of);
  }

  void rewrite(const Frame& frame, std::span<const Member> members,
               const std::vector<std::size_t>& value_of) {
    std::string kept = "{";
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (value_of[i] == std::string::npos) continue;
      if (kept.size() > 1) kept += ',';
      const Member& value = members[value_of[i]];
      kept += key_of(members[i]);
      kept.append(text_, value.value_begin, value.value_end - value.value_begin);
    }
    text_.resize(frame.begin);
    text_ += kept;
  }

  std::string text_;
  std::vector<Frame> frames_;
  std::vector<Member> members_;
  OwnedValue scalar_;
  bool is_scalar_ = false;
};

}  // namespace

bool parse_json(std::string_view text, base::Arena& arena, Value& out) {
  // nlohmann/json takes a NUL for the end, and skips a byte order mark; neither is JSON.
  if (text.find('\0') != std::string_view::npos || text.starts_with("\xEF\xBB\xBF")) return false;
  CanonicalWriter writer;
  if (!Json::sax_parse(text.begin(), text.end(), &writer)) return false;
  out = writer.result();
  if (!out.has_bytes()) return true;
  if (out.size > kTextBytesMax) return false;
  out.data = arena.copy(out.view()).data();
  return true;
}

}  // namespace tremula::triples
