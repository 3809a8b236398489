// Fuzzes the whole engine: any bytes as a script on a database in memory; nothing may crash, and
// what
// the live queries hold at the end is what their selects print afresh.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tremula/tremula.h"

namespace {

constexpr std::string_view kSetup =
    "TABLE A = 1 ( k INT = 1 KEY, n INT = 2, r REAL = 3, s TEXT = 4, b BOOL = 5, j JSON = 6 );"
    "TABLE B = 2 ( k INT = 1, l TEXT = 2, a INT = 3 INDEX REF A, KEY (k, l) );"
    "INSERT INTO A {k: 1, n: 2, s: 'x', b: TRUE}, {k: 2, r: 0.5, j: [1, {a: 2}]};"
    "INSERT INTO B {k: 1, l: 'a', a: 1}, {k: 1, l: 'b', a: 2};"
    "SUBSCRIBE fuzz_tree AS SELECT { A.k, bs: [SELECT B.l FROM B WHERE B.a = A.k] } FROM A;";

constexpr std::size_t kScriptBytesMax = 4096;  // keeps one run short

bool holds(std::string_view text, std::string_view word) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper.find(word) != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (size > kScriptBytesMax) return 0;
  if (holds(text, "IMPORT") || holds(text, "EXPORT")) return 0;  // they reach for files
  tremula::Database database = tremula::Database::in_memory();
  tremula::Session session(database, [](const tremula::Output&) {});
  session.run(kSetup).value();
  (void)session.run(text);
  if (session.in_transaction()) session.run("ROLLBACK").value();
  if (holds(text, "TABLE")) return 0;  // the select may mean something else now
  const auto fresh =
      database.query("SELECT { A.k, bs: [SELECT B.l FROM B WHERE B.a = A.k] } FROM A");
  if (fresh.value().json() != session.result_of("fuzz_tree").value()) __builtin_trap();
  return 0;
}
