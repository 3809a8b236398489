// Fuzzes lexer, parser and binder: any bytes as a script over a fixed catalog; every error is
// printed too.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "core/triples/catalog.h"
#include "lang/treeql/statement.h"

namespace {

using tremula::treeql::DeclareTable;
using tremula::treeql::Script;

constexpr char kSchema[] =
    "TABLE A = 1 ( k INT = 1 KEY, n INT = 2, r REAL = 3, s TEXT = 4, b BOOL = 5, y BYTES = 6, "
    "j JSON = 7 );"
    "TABLE B = 2 ( k INT = 1, l TEXT = 2, a INT = 3 INDEX REF A, KEY (k, l) ) STRICT;"
    "TABLE T = 3 ( n INT = 1 NOT NULL DEFAULT 5, s TEXT = 2 );";

tremula::triples::Catalog make_catalog() {
  tremula::triples::Catalog catalog;
  auto script = Script::open(kSchema);
  TREMULA_ASSERT(script.ok());
  for (;;) {
    auto next = script.value().next(catalog);
    TREMULA_ASSERT(next.ok());
    if (!next.value().has_value()) return catalog;
    catalog.put(std::get<DeclareTable>(next.value()->body).table);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const tremula::triples::Catalog catalog = make_catalog();
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto script = Script::open(text);
  if (!script.ok()) {
    TREMULA_ASSERT(!tremula::treeql::format_error(script.error(), text).empty());
    return 0;
  }
  // A script that never ends would hang here: each statement takes at least one byte.
  for (std::size_t statements = 0; statements <= size + 1; ++statements) {
    auto next = script.value().next(catalog);
    if (!next.ok()) {
      TREMULA_ASSERT(tremula::treeql::format_error(next.error(), text).rfind("error: ", 0) == 0);
    } else if (!next.value().has_value()) {
      return 0;
    }
  }
  TREMULA_ASSERT(!"a script that never ends");
  return 0;
}
