// The base's small things: codes, arena, hash.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/arena.h"
#include "core/base/hash.h"
#include "core/base/result.h"

using namespace tremula::base;

TEST_CASE("result: every code has the name that users read") {
  CHECK(error_code_name(ErrorCode::kSyntax) == "syntax");
  CHECK(error_code_name(ErrorCode::kUnsupported) == "unsupported");
  std::string all;
  for (auto code = 1; code <= static_cast<int>(ErrorCode::kUnsupported); ++code) {
    all += error_code_name(static_cast<ErrorCode>(code));
    all += ' ';
  }
  CHECK(all ==
        "syntax unknown_table unknown_column unknown_function ambiguous_column type_mismatch "
        "duplicate_key not_null key_update schema_conflict unbound_parameter limit_range "
        "duplicate_subscription unknown_subscription read_only invalid_utf8 io corrupt locked "
        "unsupported ");
}

namespace {
Result<int> half(int number) {
  if (number % 2 != 0) return Error{ErrorCode::kLimitRange, "odd"};
  return number / 2;
}
Result<int> quarter(int number) {
  TREMULA_TRY_ASSIGN(const int once, half(number));
  TREMULA_TRY_ASSIGN(const int twice, half(once));
  return twice;
}
}  // namespace

TEST_CASE("result: an error passes through every caller") {
  CHECK(quarter(12).value() == 3);
  CHECK(quarter(6).error().message == "odd");
  CHECK(quarter(5).error().code == ErrorCode::kLimitRange);
}

TEST_CASE("arena: what was allocated stays in place and is aligned") {
  Arena arena;
  std::vector<std::string_view> kept;
  for (int i = 0; i < 5000; ++i) kept.push_back(arena.copy(std::to_string(i)));
  char* large = arena.allocate(3'000'000);
  CHECK(reinterpret_cast<std::uintptr_t>(large) % 8 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(arena.allocate(1)) % 8 == 0);
  bool all_kept = true;
  for (int i = 0; i < 5000; ++i) {
    all_kept = all_kept && kept[static_cast<std::size_t>(i)] == std::to_string(i);
  }
  CHECK(all_kept);
  CHECK(arena.copy("").empty());
}

TEST_CASE("arena: a steady load allocates nothing after clear") {
  Arena arena;
  for (int i = 0; i < 1000; ++i) arena.allocate(100);
  arena.clear();
  const std::size_t reserved = arena.bytes_reserved();
  CHECK(reserved > 0);
  for (int i = 0; i < static_cast<int>(reserved / 104); ++i) arena.allocate(100);
  CHECK(arena.bytes_reserved() == reserved);
}

TEST_CASE("hash: the same bytes hash the same wherever they lie") {
  const std::string text = "xxhaspen";
  CHECK(hash_bytes(text) == hash_bytes(std::string("xxhaspen")));
  CHECK(hash_bytes(text) != hash_bytes("xxhaspem"));
  CHECK(hash_bytes("") == 0x2D06'8005'38D3'94C2u);
}
