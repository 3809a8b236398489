// Reads lines of changes: splits the object into its members' texts, then takes each for what it
// must be. Whatever is rare or deep goes through parse_json, which also judges it.
#include <charconv>
#include <limits>
#include <utility>

#include "core/crdt/change_record.h"
#include "core/triples/key_encoding.h"
#include "core/triples/value_ops.h"

namespace tremula::crdt {

namespace {

using triples::Kind;
using triples::MergeRule;
using triples::Value;

enum Member : unsigned {
  kTable,
  kKey,
  kColumn,
  kRule,
  kValue,
  kCl,
  kVersion,
  kSite,
  kDbVersion,
  kSeq,
  kMembers
};
constexpr std::string_view kNames[kMembers] = {"table", "key",     "column", "rule",       "value",
                                               "cl",    "version", "site",   "db_version", "seq"};
constexpr unsigned bit(Member member) { return 1U << member; }
constexpr unsigned kOfEnd = bit(kSite) | bit(kDbVersion);
constexpr unsigned kOfRecord = ((1U << kMembers) - 1) & ~bit(kRule);  // these must be there

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// What stands between the quotes of a string that has them; escapes stay.
std::string_view inside_quotes(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return {};
  return text.substr(1, text.size() - 2);
}

// Walks JSON text without judging more than where its parts end.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // The text of the next value, without the space around it; empty if there is none.
  std::string_view take_value() {
    skip_space();
    const std::size_t begin = at_;
    if (at_ < text_.size()) skip_value();
    return text_.substr(begin, at_ - begin);
  }
  std::size_t at() const { return at_; }

 private:
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  void skip_string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    at_ = at_ < text_.size() ? at_ + 1 : text_.size();
  }
  void skip_value() {
    if (text_[at_] == '"') return skip_string();
    if (text_[at_] != '{' && text_[at_] != '[') {
      while (at_ < text_.size() && !ends_scalar(text_[at_])) ++at_;
      return;
    }
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return;
    }
  }
  static bool ends_scalar(char c) {
    return is_space(c) || c == ',' || c == ':' || c == '}' || c == ']' || c == '{' || c == '[' ||
           c == '"';
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class LineParser {
 public:
  LineParser(std::string_view line, std::size_t line_number, base::Arena& arena)
      : line_(line), line_number_(line_number), arena_(arena) {}

  base::Result<void> parse(ChangeLine& out) {
    if (!split() || !take_all(out)) {
      return base::Error{base::ErrorCode::kCorrupt, "line " + std::to_string(line_number_) +
                                                        " of the changes, byte " +
                                                        std::to_string(where_) + ": " + what_};
    }
    return {};
  }

 private:
  bool fail(std::size_t where, std::string what) {
    where_ = where;
    what_ = std::move(what);
    return false;
  }
  // At a part of the line.
  bool fail(std::string_view part, std::string what) {
    return fail(static_cast<std::size_t>(part.data() - line_.data()), std::move(what));
  }
  bool fail_member(Member member, std::string_view expected) {
    return fail(texts_[member],
                "\"" + std::string(kNames[member]) + "\" must be " + std::string(expected));
  }
  bool has(Member member) const { return (seen_ & bit(member)) != 0; }

  bool split() {
    Scanner scan(line_);
    if (!scan.take('{')) return fail(scan.at(), "a JSON object was expected");
    do {
      const std::string_view name = scan.take_value();
      if (name.empty() || !scan.take(':')) return fail(scan.at(), "a member was expected");
      if (!note_member(name, scan.take_value())) return false;
    } while (scan.take(','));
    if (!scan.take('}')) return fail(scan.at(), "a comma or } was expected");
    return scan.at_end() || fail(scan.at(), "the line goes on behind its object");
  }

  bool note_member(std::string_view quoted, std::string_view text) {
    const std::string_view name = inside_quotes(quoted);
    for (unsigned member = 0; member < kMembers; ++member) {
      if (kNames[member] != name) continue;
      if ((seen_ & 1U << member) != 0) {
        return fail(quoted, "\"" + std::string(name) + "\" stands twice");
      }
      seen_ |= 1U << member;
      texts_[member] = text;
      return true;
    }
    return fail(quoted, "no member of this name is known");
  }

  bool take_all(ChangeLine& out) {
    if (seen_ == kOfEnd) {
      out.is_end = true;
      return take_site(out.end.site) && take_number(kDbVersion, 0, out.end.db_version);
    }
    for (unsigned member = 0; member < kMembers; ++member) {
      if ((kOfRecord & ~seen_ & 1U << member) != 0) {
        return fail(std::size_t{0}, "\"" + std::string(kNames[member]) + "\" is missing");
      }
    }
    out.is_end = false;
    out.record = ChangeRecord();
    return take_record(out.record);
  }

  bool take_record(ChangeRecord& record) {
    return take_number(kTable, 1, record.table, triples::kMaxDeclaredNumber) &&
           take_key(record.key) && take_column(record) && take_rule(record) &&
           take_number(kCl, 1, record.cl) && take_number(kVersion, 1, record.version) &&
           take_site(record.site) && take_number(kDbVersion, 0, record.position.db_version) &&
           take_number(kSeq, 0, record.position.seq, std::numeric_limits<std::uint32_t>::max()) &&
           take_record_value(record);
  }

  template <typename Number>
  bool take_number(Member member, std::uint64_t min, Number& out, std::uint64_t max = kVersionMax) {
    const std::string_view text = texts_[member];
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_whole = error == std::errc() && end == text.data() + text.size();
    if (!is_whole || (text[0] == '0' && text.size() > 1) || number < min || number > max) {
      return fail_member(member,
                         "a number from " + std::to_string(min) + " to " + std::to_string(max));
    }
    out = static_cast<Number>(number);
    return true;
  }

  bool take_site(SiteId& site) {
    if (parse_site(inside_quotes(texts_[kSite]), site)) return true;
    return fail_member(kSite, "a string of 32 digits 0-9 a-f");
  }

  bool take_column(ChangeRecord& record) {
    const std::string_view text = texts_[kColumn];
    if (text == "null") return true;
    Value name;
    if (text.starts_with('"') && parse_scalar(text, name) && name.size > 0) {
      record.column_name = name.view();
      return true;
    }
    if (text.starts_with('"')) return fail_member(kColumn, "a name in UTF-8, not empty");
    return take_number(kColumn, 1, record.column, triples::kMaxDeclaredNumber);
  }

  bool take_rule(ChangeRecord& record) {
    if (!has(kRule)) return true;
    if (record.is_row()) return fail(texts_[kRule], "a row has no \"rule\"");
    const std::string_view name = inside_quotes(texts_[kRule]);
    for (const MergeRule rule : {MergeRule::kLww, MergeRule::kMax, MergeRule::kMin,
                                 MergeRule::kCounter, MergeRule::kSet}) {
      if (name != triples::merge_rule_name(rule)) continue;
      record.rule = rule;
      return true;
    }
    return fail_member(kRule, "LWW, MAX, MIN, COUNTER or SET");
  }

  bool take_key(std::string_view& key) {
    Scanner scan(texts_[kKey]);
    key_bytes_.clear();
    bool is_key = scan.take('[');
    do {
      Value value;
      is_key = is_key && parse_value(scan.take_value(), value) &&
               (value.kind == Kind::kInt || value.kind == Kind::kText ||
                value.kind == Kind::kBytes || value.kind == Kind::kBool);
      if (is_key) triples::encode_ordered(value, key_bytes_);
    } while (is_key && scan.take(','));
    if (!is_key || !scan.take(']') || !scan.at_end()) {
      return fail_member(kKey, "an array of INT, TEXT, BYTES and BOOL");
    }
    key = arena_.copy(key_bytes_);
    return true;
  }

  bool take_record_value(ChangeRecord& record) {
    if (record.is_row()) return texts_[kValue] == "null" || fail_member(kValue, "null, of a row");
    if (!is_alive(record.cl)) return fail_member(kCl, "odd: a deleted row has no columns");
    if (record.rule == MergeRule::kSet) return take_element(record);
    if (!parse_value(texts_[kValue], record.value)) {
      return fail_member(kValue, "a JSON scalar, {\"bytes\":base64} or {\"json\":value}");
    }
    if (record.rule != MergeRule::kCounter || record.value.kind == Kind::kInt) return true;
    return fail_member(kValue, "an INT, of a COUNTER");
  }

  bool take_element(ChangeRecord& record) {
    std::string_view name;
    std::string_view element;
    const bool is_one = single_member(texts_[kValue], name, element);
    if (!is_one || (name != "\"add\"" && name != "\"remove\"") ||
        !parse_scalar(element, record.value) ||
        (record.value.kind != Kind::kInt && record.value.kind != Kind::kText &&
         record.value.kind != Kind::kNull)) {
      return fail_member(kValue, "{\"add\":e} or {\"remove\":e} with an INT, TEXT or null");
    }
    record.is_removal = name == "\"remove\"";
    return true;
  }

  // {"name": text}
  static bool single_member(std::string_view object, std::string_view& name,
                            std::string_view& text) {
    Scanner scan(object);
    if (!scan.take('{')) return false;
    name = scan.take_value();
    if (!scan.take(':')) return false;
    text = scan.take_value();
    return scan.take('}') && scan.at_end();
  }

  bool parse_value(std::string_view text, Value& value) {
    if (!text.starts_with('{')) return parse_scalar(text, value);
    std::string_view name;
    std::string_view inner;
    if (!single_member(text, name, inner)) return false;
    if (name == "\"json\"") return triples::parse_json(inner, arena_, value);
    bytes_.clear();
    if (name != "\"bytes\"" || !inner.starts_with('"') || !inner.ends_with('"')) return false;
    if (inner.size() < 2 || !triples::parse_base64(inside_quotes(inner), bytes_)) return false;
    value = Value::bytes_of(arena_.copy(bytes_));
    return true;
  }

  // What nearly all are without a parser, all else with one.
  bool parse_scalar(std::string_view text, Value& value) {
    if (parse_plain_text(text, value) || parse_plain_int(text, value)) return true;
    if (text == "null") {
      value = Value::null();
      return true;
    }
    return !text.empty() && text[0] != '[' && text[0] != '{' &&
           triples::parse_json(text, arena_, value);
  }

  static bool parse_plain_text(std::string_view text, Value& value) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
    const std::string_view inside = inside_quotes(text);
    for (const char c : inside) {
      if (static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == '"') return false;
    }
    if (triples::find_invalid_utf8(inside) != std::string_view::npos) return false;
    value = Value::text_of(inside);
    return true;
  }

  static bool parse_plain_int(std::string_view text, Value& value) {
    const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
    if (digits.empty() || digits[0] < '1' || digits[0] > '9') return false;
    std::int64_t integer = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), integer);
    if (error != std::errc() || end != text.data() + text.size()) return false;
    value = Value::int_of(integer);
    return true;
  }

  std::string_view line_;
  std::size_t line_number_;
  base::Arena& arena_;
  unsigned seen_ = 0;  // bit per Member
  std::string_view texts_[kMembers];
  std::string key_bytes_;
  std::string bytes_;
  std::size_t where_ = 0;
  std::string what_;
};

}  // namespace

base::Result<void> parse_change(std::string_view line, std::size_t line_number, base::Arena& arena,
                                ChangeLine& out) {
  return LineParser(line, line_number, arena).parse(out);
}

}  // namespace tremula::crdt
