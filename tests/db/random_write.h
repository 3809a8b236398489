// Writes to a table with a column of every rule of merging, for processes that write beside others.
//
// Thread: any.
#pragma once

#include <string>

#include "tests/property/rng.h"

namespace tremula::test {

inline constexpr const char* kMergedTable =
    "TABLE T = 1 (K INT = 1 KEY, A INT = 2, B TEXT = 3, C INT = 4 COUNTER, M INT = 5 MAX, "
    "S JSON = 6 SET, D INT = 7 DEFAULT 5)";

// One statement, or a transaction of some; it may fail with duplicate_key.
inline std::string random_write(property::Rng& rng) {
  const auto number = [&rng](int end) { return std::to_string(rng.below(end)); };
  const std::string k = number(12);
  switch (rng.below(10)) {
    case 0: return "INSERT INTO T {K: " + k + ", A: " + number(9) + "}";
    case 1: return "UPSERT INTO T {K: " + k + ", A: " + number(9) + ", B: 'u" + number(9) + "'}";
    case 2: return "UPDATE T SET A = A + 1, B = 'v" + number(99) + "' WHERE K = " + k;
    case 3: return "UPDATE T SET C = C + " + number(9) + ", M = " + number(50) + " WHERE K < " + k;
    case 4: return "DELETE FROM T WHERE K = " + k;
    case 5: return "UPDATE T SET S = ['" + number(4) + "', '" + number(4) + "'] WHERE K = " + k;
    case 6: return "UPSERT INTO T {K: " + k + ", D: NULL, C: " + number(30) + "}";
    case 7: return "UPDATE T SET A = NULL, B = NULL, D = NULL, S = NULL WHERE K = " + k;
    case 8:
      return "BEGIN; DELETE FROM T WHERE K = " + k + "; INSERT INTO T {K: " + k +
             ", C: " + number(30) + ", M: " + number(50) + ", S: [" + number(4) + "]}; COMMIT";
    default:
      return "BEGIN; DELETE FROM T WHERE K = " + k + "; INSERT INTO T {K: " + k +
             ", B: 'w'}; UPDATE T SET A = 3 WHERE K = " + number(12) + "; COMMIT";
  }
}

}  // namespace tremula::test
