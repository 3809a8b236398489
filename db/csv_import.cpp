#include "db/csv_import.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

#include "core/triples/value_ops.h"
#include "db/csv_reader.h"
#include "db/query_pipeline.h"

namespace tremula::db {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Span;
using triples::Slot;
using triples::Type;
using triples::Value;

namespace {

constexpr std::uint64_t kProgressBytes = std::uint64_t{1} << 20;

bool parse_int(std::string_view text, Value& out) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return false;
  out = Value::int_of(number);
  return true;
}

// Whether the text is a number as JSON writes them.
bool is_json_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - first;
  };
  const auto at_any = [&](char a, char b) {
    return at < text.size() && (text[at] == a || text[at] == b);
  };
  if (at_any('-', '-')) ++at;
  const bool leading_zero = at_any('0', '0');
  const std::size_t whole = digits();
  if (whole == 0 || (leading_zero && whole > 1)) return false;
  if (at_any('.', '.')) {
    ++at;
    if (digits() == 0) return false;
  }
  if (at_any('e', 'E')) {
    ++at;
    if (at_any('+', '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

bool parse_real(std::string_view text, Value& out) {
  if (!is_json_number(text)) return false;
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec == std::errc::result_out_of_range) {  // strtod tells too large from too small
    number = std::strtod(std::string(text).c_str(), nullptr);
  }
  out = Value::real(number);
  return true;
}

// The field as a value of the column's type.  Returns: false if it isn't one.
bool parse_field(const CsvField& field, Type type, base::Arena& arena, Value& out) {
  if (field.text.empty() && !field.quoted) {
    out = Value::null();
    return true;
  }
  switch (type) {
    case Type::kInt: return parse_int(field.text, out);
    case Type::kReal: return parse_real(field.text, out);
    case Type::kBool:
      out = Value::boolean_of(field.text == "true");
      return field.text == "true" || field.text == "false";
    case Type::kBytes: {
      std::string bytes;
      if (!triples::parse_base64(field.text, bytes)) return false;
      out = Value::bytes_of(arena.copy(bytes));
      return true;
    }
    case Type::kJson: return triples::parse_json(field.text, arena, out);
    case Type::kText:
    case Type::kAny: out = Value::text_of(field.text); return true;
  }
  return false;
}

class Importer {
 public:
  Importer(Engine& engine, const treeql::Import& import, const Progress& progress)
      : engine_(engine),
        import_(import),
        progress_(progress),
        writer_(engine.store.writer(import.table)) {}

  Result<ImportCounts> run() {
    TREMULA_TRY(check_table());
    auto opened = CsvReader::open(import_.file);
    if (!opened.ok()) return at_file(std::move(opened).error());
    CsvReader reader = std::move(opened).value();
    TREMULA_TRY(read_header(reader));
    while (true) {
      TREMULA_TRY(check_interrupt(engine_));
      auto more = reader.next();
      if (!more.ok()) return at_file(std::move(more).error());
      if (!more.value()) break;
      if (reader.fields().size() == 1 && is_blank(reader) && targets_.size() > 1) continue;
      TREMULA_TRY(read_cells(reader));
      auto written = import_.replace ? replace_row(reader) : insert_row();
      if (!written.ok()) return at_cell(std::move(written).error(), reader);
      writer_.clear_scratch();
      arena_.clear();
      tell_progress(reader);
    }
    if (import_.replace) delete_unseen();
    if (progress_) progress_(reader.bytes_total(), reader.bytes_total());
    return counts_;
  }

 private:
  Result<void> check_table() const {
    const triples::TableDef& table = writer_.definition();
    if (table.read_only) {
      return Error{ErrorCode::kReadOnly, table.name + " is read-only", import_.span};
    }
    if (import_.replace && table.generated_key) {
      return Error{ErrorCode::kUnsupported,
                   "REPLACE needs a KEY to tell rows apart, and " + table.name + " has none",
                   import_.span};
    }
    return {};
  }

  static bool is_blank(const CsvReader& reader) {
    return reader.fields()[0].text.empty() && !reader.fields()[0].quoted;
  }

  Error at_file(Error error) const {
    error.span = import_.file_span;
    return error;
  }

  // A cell's span holds the number of its field, from 1; 0 is the whole row.
  Error at_cell(Error error, const CsvReader& reader) const {
    const std::size_t field = error.span.begin == 0 ? 0 : error.span.begin - 1;
    error.message = reader.place(field) + ": " + error.message;
    return at_file(std::move(error));
  }

  Result<void> read_header(CsvReader& reader) {
    auto more = reader.next();
    if (!more.ok()) return at_file(std::move(more).error());
    if (!more.value()) {
      return at_file({ErrorCode::kSyntax, import_.file + ":1:1: no header row"});
    }
    for (std::size_t i = 0; i < reader.fields().size(); ++i) {
      const std::string name(reader.fields()[i].text);
      const TargetIndex target = writer_.find_target(name, static_cast<TargetIndex>(i));
      const bool declared = target != kNoTarget && writer_.targets()[target].type != Type::kAny;
      if (!declared) {
        return at_file({ErrorCode::kUnknownColumn, reader.place(i) + ": no column '" + name +
                                                       "' in " + writer_.definition().name});
      }
      for (const TargetIndex other : targets_) {
        if (other != target) continue;
        return at_file(
            {ErrorCode::kSyntax, reader.place(i) + ": column '" + name + "' is named twice"});
      }
      targets_.push_back(target);
    }
    return {};
  }

  Result<void> read_cells(const CsvReader& reader) {
    const std::vector<CsvField>& fields = reader.fields();
    if (fields.size() != targets_.size()) {
      return at_file({ErrorCode::kSyntax, reader.place(0) + ": expected " +
                                              std::to_string(targets_.size()) + " fields, found " +
                                              std::to_string(fields.size())});
    }
    cells_.clear();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const Target& target = writer_.targets()[targets_[i]];
      const auto number = static_cast<unsigned>(i + 1);
      Cell cell{.target = targets_[i], .value = {}, .span = {number, number}};
      if (target.type == Type::kText || target.type == Type::kJson) {
        if (triples::find_invalid_utf8(fields[i].text) != std::string_view::npos) {
          return at_file({ErrorCode::kInvalidUtf8, reader.place(i) + ": text is not UTF-8"});
        }
      }
      if (!parse_field(fields[i], target.type, arena_, cell.value)) {
        return at_cell(mismatch(target, writer_.definition().name,
                                Value::text_of(printable(fields[i].text)), cell.span),
                       reader);
      }
      cells_.push_back(cell);
    }
    return {};
  }

  // A message is UTF-8, whatever the file holds.
  static std::string_view printable(std::string_view text) {
    return text.substr(0, triples::find_invalid_utf8(text));
  }

  Result<void> insert_row() {
    TREMULA_TRY(writer_.insert(cells_, {}));
    ++counts_.inserted;
    return {};
  }

  Result<void> replace_row(const CsvReader&) {
    TREMULA_TRY_ASSIGN(const Replaced replaced, writer_.replace(cells_, {}));
    if (replaced.slot >= seen_.size()) seen_.resize(replaced.slot + std::size_t{1}, false);
    if (seen_[replaced.slot]) {
      return Error{ErrorCode::kDuplicateKey, "the key of this row stood in the file before"};
    }
    seen_[replaced.slot] = true;
    switch (replaced.what) {
      case Replaced::What::kInserted: ++counts_.inserted; break;
      case Replaced::What::kUpdated: ++counts_.updated; break;
      case Replaced::What::kUnchanged: ++counts_.unchanged; break;
    }
    return {};
  }

  void delete_unseen() {
    lsm::RowTable& rows = writer_.table();
    for (Slot slot = 0; slot < rows.slot_end(); ++slot) {
      if (!rows.exists(slot, triples::Side::kNew)) continue;
      if (slot < seen_.size() && seen_[slot]) continue;
      writer_.erase(slot);
      ++counts_.deleted;
    }
  }

  void tell_progress(const CsvReader& reader) {
    if (!progress_ || reader.bytes_done() < told_ + kProgressBytes) return;
    told_ = reader.bytes_done();
    progress_(told_, reader.bytes_total());
  }

  const Engine& engine_;
  const treeql::Import& import_;
  const Progress& progress_;
  RowWriter& writer_;
  std::vector<TargetIndex> targets_;  // by field
  std::vector<Cell> cells_;
  std::vector<bool> seen_;  // by slot: stands in the file
  ImportCounts counts_;
  base::Arena arena_;
  std::uint64_t told_ = 0;
};

}  // namespace

Result<ImportCounts> import_csv(Engine& engine, const treeql::Import& import,
                                const Progress& progress) {
  return Importer(engine, import, progress).run();
}

}  // namespace tremula::db
