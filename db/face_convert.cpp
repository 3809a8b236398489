#include "db/face_convert.h"

#include <charconv>
#include <utility>

#include "core/triples/value_ops.h"
#include "db/json_text.h"
#include "lang/treeql/statement.h"

namespace tremula {

std::string_view error_code_name(ErrorCode code) {
  return base::error_code_name(static_cast<base::ErrorCode>(code));
}

static_assert(static_cast<int>(ErrorCode::kInterrupted) ==
              static_cast<int>(base::ErrorCode::kInterrupted));
static_assert(static_cast<int>(ErrorCode::kSchemaConflict) ==
              static_cast<int>(base::ErrorCode::kSchemaConflict));

Exception::Exception(Error error) : std::runtime_error(error.text), error_(std::move(error)) {}
Exception::~Exception() = default;

void throw_error(Error error) { throw Exception(std::move(error)); }

ValueView::ValueView(const Value& value) : ValueView(value.kind(), value.as_text()) {
  switch (value.kind()) {
    case ValueKind::kBool: *this = ValueView(value.as_bool()); break;
    case ValueKind::kInt: *this = ValueView(value.as_int()); break;
    case ValueKind::kReal: *this = ValueView(value.as_real()); break;
    default: break;
  }
}

Value::Value(ValueView view) : kind_(view.kind()) {
  switch (kind_) {
    case ValueKind::kNull: break;
    case ValueKind::kBool: integer_ = view.as_bool() ? 1 : 0; break;
    case ValueKind::kInt: integer_ = view.as_int(); break;
    case ValueKind::kReal: real_ = view.as_real(); break;
    default: bytes_ = view.as_text();
  }
}

std::string Value::to_json() const {
  std::string out;
  switch (kind_) {
    case ValueKind::kNull: out = "null"; break;
    case ValueKind::kBool: out = as_bool() ? "true" : "false"; break;
    case ValueKind::kInt: out = std::to_string(integer_); break;
    case ValueKind::kReal: triples::print_json(triples::Value::real(real_), out); break;
    case ValueKind::kText: triples::print_json_string(bytes_, out); break;
    case ValueKind::kBytes: triples::print_json(triples::Value::bytes_of(bytes_), out); break;
    case ValueKind::kJson: out = bytes_; break;
  }
  return out;
}

bool Value::operator==(const Value& other) const {
  return kind_ == other.kind_ && integer_ == other.integer_ && real_ == other.real_ &&
         bytes_ == other.bytes_;
}

namespace {

Value cell_of(std::string_view json) {
  switch (json.front()) {
    case 'n': return {};
    case 't': return Value(true);
    case 'f': return Value(false);
    case '{':
    case '[': return Value::json(json);
    case '"': {
      std::string text;
      db::unescape_json_string(json, text);
      return Value(text);
    }
    default: break;
  }
  if (json.find_first_of(".e") == std::string_view::npos) {
    std::int64_t integer = 0;
    std::from_chars(json.data(), json.data() + json.size(), integer);
    return Value(integer);
  }
  // Infinity is printed as 1e999, which only strtod reads as what it is.
  return Value(std::strtod(std::string(json).c_str(), nullptr));
}

}  // namespace

Cells cells_of(std::string_view row_json) {
  Cells cells;
  db::for_each_member(row_json, [&cells](std::string_view name, std::string_view value) {
    cells.emplace_back(std::string(name), cell_of(value));
  });
  return cells;
}

namespace db {

Error to_face(const base::Error& error, std::string_view source) {
  Error face;
  face.code = static_cast<ErrorCode>(error.code);
  face.message = error.message;
  face.text = treeql::format_error(error, source);
  if (error.span.end != 0 && !source.empty()) {
    const treeql::Place place = treeql::place_of(error.span.begin, source);
    face.line = place.line;
    face.column = place.column;
  }
  return face;
}

Error face_error(base::ErrorCode code, std::string message) {
  return to_face({code, std::move(message)}, {});
}

dataflow::PlanFormat to_plan_format(PlanFormat format) {
  return format == PlanFormat::kDot ? dataflow::PlanFormat::kDot : dataflow::PlanFormat::kText;
}

Value to_face(triples::Value value) {
  switch (value.kind) {
    case triples::Kind::kNull:
    case triples::Kind::kMissing: return {};
    case triples::Kind::kBool: return Value(value.boolean);
    case triples::Kind::kInt: return Value(value.integer);
    case triples::Kind::kReal: return Value(value.number);
    case triples::Kind::kText: return Value(value.view());
    case triples::Kind::kBytes: return Value::bytes(value.view());
    case triples::Kind::kJson: return Value::json(value.view());
  }
  return {};
}

}  // namespace db
}  // namespace tremula
