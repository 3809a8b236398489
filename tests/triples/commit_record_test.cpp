// CommitRecord: written is read; what is not a record is an error, never a crash.
#include "core/triples/commit_record.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <deque>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/base/bytes.h"

using namespace tremula;
using namespace tremula::triples;

namespace {

// Rows and the bytes that they borrow.
struct Made {
  std::deque<std::string> bytes;
  std::vector<WrittenRow> rows;
};

class Maker {
 public:
  explicit Maker(std::uint32_t seed) : random_(seed) {}

  Made rows() {
    Made made;
    const std::size_t count = below(6);
    for (std::size_t i = 0; i < count; ++i) {
      WrittenRow& row = made.rows.emplace_back();
      row.type = TypeId{number()};
      row.slot = static_cast<Slot>(std::min<std::uint64_t>(number(), kNoSlot - 1));
      row.fate = static_cast<Fate>(below(3));
      row.key = text(made);
      if (row.fate == Fate::kDeleted) continue;
      for (std::size_t cells = below(10); cells > 0; --cells) {
        row.cells.push_back({AttrId{std::max<std::uint32_t>(number(), 1)}, value(made)});
      }
    }
    return made;
  }
  std::size_t below(std::size_t end) { return random_() % end; }

 private:
  // Of any length in bits.
  std::uint32_t number() { return static_cast<std::uint32_t>(random_()) >> below(32); }
  std::uint64_t wide() { return (std::uint64_t{random_()} << 32 | random_()) >> below(64); }
  std::string_view text(Made& made) {
    std::string& bytes = made.bytes.emplace_back();
    const std::size_t size = below(8) == 0 ? below(400) : below(20);
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(random_());
    return bytes;
  }
  Value value(Made& made) {
    switch (static_cast<Kind>(below(8))) {
      case Kind::kNull: return Value::null();
      case Kind::kMissing: return Value::missing();
      case Kind::kBool: return Value::boolean_of(below(2) == 0);
      case Kind::kInt: return Value::int_of(static_cast<std::int64_t>(wide()) * sign());
      case Kind::kReal: return Value::real(std::bit_cast<double>(wide()));
      case Kind::kText: return Value::text_of(text(made));
      case Kind::kBytes: return Value::bytes_of(text(made));
      case Kind::kJson: return Value::json_of(text(made));
    }
    return Value::null();
  }
  std::int64_t sign() { return below(2) == 0 ? 1 : -1; }

  std::mt19937 random_;
};

std::string written(const std::vector<WrittenRow>& rows) {
  CommitWriter writer;
  for (const WrittenRow& row : rows) {
    writer.begin_row(row.type, row.slot, row.fate, row.key, row.cells.size());
    for (const WrittenCell& cell : row.cells) writer.cell(cell.attr, cell.value);
  }
  return std::string(writer.view());
}

// Reads all rows; nullopt: the bytes are no record. Rows borrow from `bytes`.
bool read(std::string_view bytes, std::vector<WrittenRow>& rows) {
  CommitReader reader(bytes);
  WrittenRow row;
  for (;;) {
    const auto more = reader.next(row);
    if (!more.ok()) {
      CHECK(more.error().code == base::ErrorCode::kCorrupt);
      return false;
    }
    if (!more.value()) return true;
    rows.push_back(row);
  }
}

bool same(const std::vector<WrittenRow>& a, const std::vector<WrittenRow>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].type != b[i].type || a[i].slot != b[i].slot || a[i].fate != b[i].fate ||
        a[i].key != b[i].key || a[i].cells.size() != b[i].cells.size()) {
      return false;
    }
    for (std::size_t c = 0; c < a[i].cells.size(); ++c) {
      if (a[i].cells[c].attr != b[i].cells[c].attr) return false;
      if (!identical(a[i].cells[c].value, b[i].cells[c].value)) return false;
    }
  }
  return true;
}

constexpr int kRuns = 300;

}  // namespace

TEST_CASE("commit record: what is read is what was written") {
  for (std::uint32_t seed = 0; seed < kRuns; ++seed) {
    const Made made = Maker(seed).rows();
    const std::string bytes = written(made.rows);
    std::vector<WrittenRow> rows;
    CAPTURE(seed);
    REQUIRE(read(bytes, rows));
    REQUIRE(same(rows, made.rows));
  }
}

TEST_CASE("commit record: the ends of every range come back") {
  std::vector<WrittenRow> rows(1);
  rows[0] = {TypeId{0xFFFF'FFFF}, kNoSlot - 1, Fate::kInserted, std::string_view("\0k", 2), {}};
  using Limits = std::numeric_limits<std::int64_t>;
  for (const Value value : {Value::int_of(Limits::min()), Value::int_of(Limits::max()),
                            Value::int_of(0), Value::int_of(-1), Value::real(-1.5e308),
                            Value::real(std::numeric_limits<double>::denorm_min()),
                            Value::real(std::numeric_limits<double>::infinity()),
                            Value::text_of(""), Value::null(), Value::missing()}) {
    rows[0].cells.push_back({AttrId{0xFFFF'FFFE}, value});
  }
  std::vector<WrittenRow> back;
  const std::string bytes = written(rows);
  REQUIRE(read(bytes, back));
  CHECK(same(back, rows));
}

TEST_CASE("commit record: cut anywhere, it is an error or the rows before the cut") {
  for (std::uint32_t seed = 0; seed < kRuns; ++seed) {
    const Made made = Maker(seed).rows();
    const std::string bytes = written(made.rows);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const std::string cut = bytes.substr(0, size);
      std::vector<WrittenRow> rows;
      (void)read(cut, rows);
      CAPTURE(seed);
      CAPTURE(size);
      REQUIRE(rows.size() < made.rows.size());
      const std::vector<WrittenRow> first(
          made.rows.begin(), made.rows.begin() + static_cast<std::ptrdiff_t>(rows.size()));
      REQUIRE(same(rows, first));
    }
  }
}

TEST_CASE("commit record: with a byte changed, it is an error or another record, well formed") {
  std::size_t errors = 0;
  for (std::uint32_t seed = 0; seed < kRuns; ++seed) {
    Maker maker(seed);
    const Made made = maker.rows();
    const std::string bytes = written(made.rows);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << maker.below(8)));
      std::vector<WrittenRow> rows;
      if (!read(flipped, rows)) {
        ++errors;
        continue;
      }
      // Well formed: it can be written, and reads as itself.
      const std::string again = written(rows);
      std::vector<WrittenRow> back;
      CAPTURE(seed);
      CAPTURE(at);
      REQUIRE(read(again, back));
      REQUIRE(same(rows, back));
    }
  }
  CHECK(errors > 0);
}

TEST_CASE("commit record: an error names the byte, and nothing large is made for a small record") {
  std::string bytes;
  base::put_varint(bytes, 1);  // type
  base::put_varint(bytes, 1);  // slot 0, updated
  base::put_sized(bytes, "k");
  base::put_varint(bytes, std::uint64_t{1} << 60);  // cells
  CommitReader reader(bytes);
  WrittenRow row;
  const auto read = reader.next(row);
  REQUIRE(!read.ok());
  CHECK(read.error().message == "a commit record is broken at its byte 13");
  CHECK(row.cells.capacity() == 0);
}
