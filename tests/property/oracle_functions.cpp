#include "tests/property/oracle_functions.h"

#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <set>
#include <vector>

namespace tremula::property {
namespace {

std::string text_of(sqlite3_value* value) {
  const void* bytes = sqlite3_value_type(value) == SQLITE_BLOB
                          ? sqlite3_value_blob(value)
                          : static_cast<const void*>(sqlite3_value_text(value));
  const int size = sqlite3_value_bytes(value);
  return size == 0 ? ""
                   : std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

// Numbers as TreeQL prints them, everything else as it is.
std::string plain_text(sqlite3_value* value) {
  if (sqlite3_value_type(value) == SQLITE_FLOAT) return real_text(sqlite3_value_double(value));
  return text_of(value);
}

void give(sqlite3_context* context, const std::string& text) {
  sqlite3_result_text(context, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

std::string base64(const std::string& bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      const bool pad = i + j > bytes.size();
      text += pad ? '=' : digits[group >> (18 - 6 * j) & 63];
    }
  }
  return text;
}

std::string json_string(const std::string& content) {
  std::string text = "\"";
  for (const char c : content) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

void tq_val(sqlite3_context* context, int, sqlite3_value** args) {
  const char tag = text_of(args[1]).c_str()[0];
  switch (sqlite3_value_type(args[0])) {
    case SQLITE_NULL: return give(context, "null");
    case SQLITE_INTEGER:
      if (tag == 'b') return give(context, sqlite3_value_int(args[0]) != 0 ? "true" : "false");
      return give(context, text_of(args[0]));
    case SQLITE_FLOAT: return give(context, real_text(sqlite3_value_double(args[0])));
    case SQLITE_BLOB: return give(context, json_string(base64(text_of(args[0]))));
    default: return give(context, tag == 'j' ? text_of(args[0]) : json_string(text_of(args[0])));
  }
}

void tq_obj(sqlite3_context* context, int count, sqlite3_value** args) {
  std::string text = "{";
  for (int i = 0; i + 1 < count; i += 2) {
    text += (i == 0 ? "\"" : ",\"") + text_of(args[i]) + "\":";
    text += sqlite3_value_type(args[i + 1]) == SQLITE_NULL ? "null" : text_of(args[i + 1]);
  }
  give(context, text + "}");
}

void tq_text(sqlite3_context* context, int, sqlite3_value** args) {
  if (sqlite3_value_type(args[0]) != SQLITE_NULL) give(context, plain_text(args[0]));
}

void tq_typeof(sqlite3_context* context, int, sqlite3_value** args) {
  const bool boolean = text_of(args[1]) == "bool";
  switch (sqlite3_value_type(args[0])) {
    case SQLITE_NULL: return give(context, "null");
    case SQLITE_INTEGER: return give(context, boolean ? "bool" : "int");
    case SQLITE_FLOAT: return give(context, "real");
    case SQLITE_BLOB: return give(context, "bytes");
    default: return give(context, "text");
  }
}

// Half away from zero on the shortest decimal form.
void tq_round(sqlite3_context* context, int, sqlite3_value** args) {
  if (sqlite3_value_type(args[0]) == SQLITE_NULL) return;
  const double value = sqlite3_value_double(args[0]);
  const auto places = static_cast<std::size_t>(sqlite3_value_int(args[1]));
  char buffer[400];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value), std::chars_format::fixed).ptr;
  std::string digits(buffer, end);
  const std::size_t point = digits.find('.');
  if (std::fabs(value) >= 1e16 || point == std::string::npos ||
      digits.size() - point - 1 <= places) {
    return sqlite3_result_double(context, value);
  }
  const bool up = digits[point + 1 + places] >= '5';
  digits.resize(point + 1 + places);
  for (std::size_t i = digits.size(); up && i-- > 0;) {
    if (digits[i] == '.') continue;
    if (digits[i] != '9') {
      ++digits[i];
      break;
    }
    digits[i] = '0';
    if (i == 0) digits.insert(0, "1");
  }
  const double rounded = std::strtod(digits.c_str(), nullptr);
  sqlite3_result_double(context, value < 0 ? -rounded : rounded);
}

template <typename State>
State& state_of(sqlite3_context* context) {
  auto** slot = static_cast<State**>(sqlite3_aggregate_context(context, sizeof(State*)));
  if (*slot == nullptr) *slot = new State;
  return **slot;
}

// The state taken away from SQLite, or a fresh one where no row was seen.
template <typename State>
State final_state(sqlite3_context* context) {
  auto** slot = static_cast<State**>(sqlite3_aggregate_context(context, 0));
  if (slot == nullptr || *slot == nullptr) return {};
  State state = std::move(**slot);
  delete *slot;
  return state;
}

void arr_step(sqlite3_context* context, int, sqlite3_value** args) {
  auto& text = state_of<std::string>(context);
  text += text.empty() ? "[" : ",";
  text += sqlite3_value_type(args[0]) == SQLITE_NULL ? "null" : text_of(args[0]);
}

void arr_final(sqlite3_context* context) {
  const std::string text = final_state<std::string>(context);
  give(context, text.empty() ? "[]" : text + "]");
}

// Reals as the partial sums of Shewchuk's algorithm, which lose nothing.
struct Sum {
  __int128 integers = 0;
  std::vector<double> partials;
  double infinite = 0;
  long count = 0;
  bool real = false;

  void add(double x) {
    real = true;
    if (!std::isfinite(x)) {
      infinite += x;
      return;
    }
    std::size_t kept = 0;
    for (double y : partials) {
      if (std::fabs(x) < std::fabs(y)) std::swap(x, y);
      const double high = x + y, low = y - (high - x);
      if (low != 0) partials[kept++] = low;
      x = high;
    }
    partials.resize(kept);
    partials.push_back(x);
  }

  // Rounded once: the rest of the partials decides a tie.
  double rounded() const {
    Sum all = *this;
    const auto high = static_cast<double>(integers);
    all.add(high);
    all.add(static_cast<double>(integers - static_cast<__int128>(high)));
    if (infinite != 0 || std::isnan(infinite)) return infinite;
    std::vector<double>& p = all.partials;
    if (p.empty()) return 0;
    std::size_t n = p.size();
    double high_sum = p[--n], low = 0;
    while (n > 0) {
      const double x = high_sum, y = p[--n];
      high_sum = x + y;
      low = y - (high_sum - x);
      if (low != 0) break;
    }
    if (n > 0 && ((low < 0 && p[n - 1] < 0) || (low > 0 && p[n - 1] > 0))) {
      const double twice = low * 2, x = high_sum + twice;
      if (twice == x - high_sum) high_sum = x;
    }
    return high_sum;
  }
};

void sum_step(sqlite3_context* context, int, sqlite3_value** args) {
  const int type = sqlite3_value_type(args[0]);
  if (type == SQLITE_NULL) return;
  auto& sum = state_of<Sum>(context);
  ++sum.count;
  if (type == SQLITE_INTEGER)
    sum.integers += sqlite3_value_int64(args[0]);
  else
    sum.add(sqlite3_value_double(args[0]));
}

void sum_final(sqlite3_context* context) {
  const Sum sum = final_state<Sum>(context);
  if (sum.count == 0) return;
  const auto narrow = static_cast<sqlite3_int64>(sum.integers);
  if (!sum.real && narrow == sum.integers) return sqlite3_result_int64(context, narrow);
  sqlite3_result_double(context, sum.rounded());
}

void avg_final(sqlite3_context* context) {
  const Sum sum = final_state<Sum>(context);
  if (sum.count > 0) sqlite3_result_double(context, sum.rounded() / static_cast<double>(sum.count));
}

void total_final(sqlite3_context* context) {
  sqlite3_result_double(context, final_state<Sum>(context).rounded());
}

// An order value kept beyond its row.
struct Kept {
  int type = SQLITE_NULL;
  sqlite3_int64 integer = 0;
  double real = 0;
  std::string text;
};

struct ConcatRow {
  std::string text;
  std::vector<Kept> order;
  std::vector<bool> descending;
};

struct Concat {
  bool distinct = false;
  std::string separator;
  std::vector<ConcatRow> rows;
};

int rank_of(const Kept& kept) {
  if (kept.type == SQLITE_NULL) return 0;
  if (kept.type == SQLITE_TEXT) return 2;
  return kept.type == SQLITE_BLOB ? 3 : 1;
}

int compare(const Kept& a, const Kept& b) {
  if (rank_of(a) != rank_of(b)) return rank_of(a) < rank_of(b) ? -1 : 1;
  if (rank_of(a) == 0) return 0;
  if (rank_of(a) >= 2) return a.text.compare(b.text);
  if (a.type == SQLITE_INTEGER && b.type == SQLITE_INTEGER) {
    return a.integer < b.integer ? -1 : a.integer > b.integer ? 1 : 0;
  }
  const long double x = a.type == SQLITE_INTEGER ? static_cast<long double>(a.integer) : a.real;
  const long double y = b.type == SQLITE_INTEGER ? static_cast<long double>(b.integer) : b.real;
  return x < y ? -1 : x > y ? 1 : 0;
}

bool before(const ConcatRow& a, const ConcatRow& b) {
  for (std::size_t i = 0; i < a.order.size(); ++i) {
    const int order = compare(a.order[i], b.order[i]);
    if (order != 0) return (order < 0) != a.descending[i];
  }
  return false;
}

void concat_step(sqlite3_context* context, int count, sqlite3_value** args) {
  if (sqlite3_value_type(args[2]) == SQLITE_NULL) return;
  auto& concat = state_of<Concat>(context);
  concat.distinct = sqlite3_value_int(args[0]) != 0;
  concat.separator = text_of(args[1]);
  ConcatRow row;
  row.text = plain_text(args[2]);
  for (int i = 3; i + 1 < count; i += 2) {
    Kept kept{sqlite3_value_type(args[i]), sqlite3_value_int64(args[i]),
              sqlite3_value_double(args[i]), text_of(args[i])};
    row.order.push_back(std::move(kept));
    row.descending.push_back(sqlite3_value_int(args[i + 1]) != 0);
  }
  concat.rows.push_back(std::move(row));
}

void concat_final(sqlite3_context* context) {
  Concat concat = final_state<Concat>(context);
  if (concat.rows.empty()) return;
  std::stable_sort(concat.rows.begin(), concat.rows.end(), before);
  std::string text;
  std::set<std::string> seen;
  for (const ConcatRow& row : concat.rows) {
    const bool first = seen.empty();
    if (!seen.insert(row.text).second && concat.distinct) continue;
    text += (first ? "" : concat.separator) + row.text;
  }
  give(context, text);
}

}  // namespace

std::string real_text(double value) {
  if (std::isnan(value)) return "null";
  if (std::isinf(value)) return value > 0 ? "1e999" : "-1e999";
  if (value == 0) return "0.0";
  char buffer[64];
  const double size = std::fabs(value);
  const auto format =
      size >= 1e-4 && size < 1e16 ? std::chars_format::fixed : std::chars_format::scientific;
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof buffer, value, format).ptr);
  if (format == std::chars_format::fixed && text.find('.') == std::string::npos) text += ".0";
  return text;
}

void register_oracle_functions(sqlite3* db) {
  const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  const auto scalar = [&](const char* name, int count, auto function) {
    sqlite3_create_function(db, name, count, flags, nullptr, function, nullptr, nullptr);
  };
  const auto aggregate = [&](const char* name, int count, auto step, auto final) {
    sqlite3_create_function(db, name, count, flags, nullptr, nullptr, step, final);
  };
  scalar("tq_val", 2, tq_val);
  scalar("tq_obj", -1, tq_obj);
  scalar("tq_text", 1, tq_text);
  scalar("tq_typeof", 2, tq_typeof);
  scalar("tq_round", 2, tq_round);
  aggregate("tq_arr", 1, arr_step, arr_final);
  aggregate("tq_sum", 1, sum_step, sum_final);
  aggregate("tq_avg", 1, sum_step, avg_final);
  aggregate("tq_total", 1, sum_step, total_final);
  aggregate("tq_concat", -1, concat_step, concat_final);
}

}  // namespace tremula::property
