#include "cli/parameter.h"

#include "cli/printer.h"
#include "core/base/arena.h"
#include "core/triples/value_ops.h"

namespace tremula::cli {
namespace {

// JSON allows blanks around a scalar; on a command line they are the text's own.
bool has_blank_edge(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  return text.empty() || kBlanks.find(text.front()) != std::string_view::npos ||
         kBlanks.find(text.back()) != std::string_view::npos;
}

Value value_of(std::string_view text) {
  base::Arena arena;
  triples::Value read;
  if (has_blank_edge(text) || !triples::parse_json(text, arena, read)) return text;
  switch (read.kind) {
    case triples::Kind::kNull: return nullptr;
    case triples::Kind::kBool: return read.boolean;
    case triples::Kind::kInt: return read.integer;
    case triples::Kind::kReal: return read.number;
    case triples::Kind::kText: return read.view();
    default: return text;  // an object or array is no scalar
  }
}

}  // namespace

Result<Parameter> parse_parameter(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string name(text.substr(0, equals));
  const std::size_t invalid = triples::find_invalid_utf8(text);
  if (invalid != std::string_view::npos) {
    return command_error(ErrorCode::kInvalidUtf8,
                         "--param: byte " + std::to_string(invalid) + " of it is not UTF-8");
  }
  return Parameter{name, value_of(text.substr(equals + 1))};
}

}  // namespace tremula::cli
