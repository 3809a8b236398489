// Tremula in a directory, through its public face.
#include <tremula/tremula.h>

#include <optional>
#include <string>

#include "bench/support/store.h"

namespace tremula::bench {
namespace {

// JSON around the cells of a row: {"c1":"...",...,"c8":"..."}
constexpr std::size_t kRowFrame = kStoreColumns * 8 + 1;

class TremulaStore final : public Store {
 public:
  explicit TremulaStore(const std::string& folder)
      : db_(Database::open(folder + "/tremula").value()) {
    db_.run(
           "TABLE rows = 1 ( id INT = 1 KEY, c1 TEXT = 2, c2 TEXT = 3, c3 TEXT = 4, c4 TEXT = 5, "
           "c5 TEXT = 6, c6 TEXT = 7, c7 TEXT = 8, c8 TEXT = 9 );")
        .value();
  }

  void commit(const StoreRow& row) override {
    last_ = db_.transact([&](Transaction& tx) {
                 tx.upsert("rows", {{"id", row.id},
                                    {"c1", row.cells[0]},
                                    {"c2", row.cells[1]},
                                    {"c3", row.cells[2]},
                                    {"c4", row.cells[3]},
                                    {"c5", row.cells[4]},
                                    {"c6", row.cells[5]},
                                    {"c7", row.cells[6]},
                                    {"c8", row.cells[7]}});
               })
                .value();
  }
  void wait_durable() override { db_.wait_durable(last_).value(); }
  std::string cell(std::int64_t id, std::size_t column) override {
    const char name[] = {'c', static_cast<char>('1' + column), '\0'};
    Value value;
    db_.transact([&](Transaction& tx) { value = tx.get("rows", id, name); }).value();
    return value.is_null() ? std::string() : value.as_text();
  }
  std::size_t row_bytes(std::int64_t id) override {
    if (!row_) {
      row_.emplace(db_.prepare("SELECT { r.c1, r.c2, r.c3, r.c4, r.c5, r.c6, r.c7, r.c8 } "
                               "FROM rows AS r WHERE r.id = $id")
                       .value());
    }
    const Rows rows = row_->query({{"id", id}}).value();
    return rows.empty() ? 0 : rows.json(0).size() - kRowFrame;
  }
  std::size_t column_bytes(std::size_t column) override {
    const std::string select =
        "SELECT { n: sum(length(r.c" + std::to_string(column + 1) + ")) } FROM rows AS r";
    return static_cast<std::size_t>(db_.query(select).value().value(0, "n").as_int());
  }

 private:
  Database db_;
  std::optional<Statement> row_;
  Ticket last_;
};

}  // namespace

std::unique_ptr<Store> open_tremula_store(const std::string& folder) {
  return std::make_unique<TremulaStore>(folder);
}

}  // namespace tremula::bench
