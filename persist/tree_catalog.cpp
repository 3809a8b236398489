#include "persist/tree_catalog.h"

#include <memory>
#include <utility>

#include "core/lsm/catalog_rows.h"
#include "core/lsm/row_table.h"
#include "core/lsm/tree_view.h"
#include "core/triples/commit_record.h"
#include "persist/stamp_book.h"

namespace tremula::persist {

using base::Result;
using triples::AttrId;
using triples::Slot;
using triples::TypeId;

namespace {

class CatalogSource final : public lsm::ColdSource {
 public:
  CatalogSource(const lsm::TreeView& view, TypeId type) : view_(view), type_(type) {}

  std::vector<AttrId> attrs() override {
    std::vector<AttrId> attrs;
    for (const auto& [type, attr] : view_.columns()) {
      if (type != type_ || attr == triples::kRowAttr || attr == lsm::kKeyAttr) continue;
      attrs.push_back(attr);
    }
    return attrs;
  }
  Result<std::vector<std::uint8_t>> rows() override {
    std::vector<std::uint8_t> living;
    TREMULA_TRY(view_.scan(type_, triples::kRowAttr, [&](const lsm::Entry& entry) {
      living.resize(entry.key.slot + 1, 0);
      living[entry.key.slot] = 1;
    }));
    return living;
  }
  Result<void> cells(AttrId attr, Slot begin, Slot end, const CellVisitor& visit) override {
    return view_.scan(type_, attr, begin, end, [&](const lsm::Entry& entry) {
      if (!lsm::is_removed_mark(entry.value)) visit(entry.key.slot, entry.value);
    });
  }
  // Who reads the whole asks for no key.
  Result<Slot> find(std::string_view) override { return triples::kNoSlot; }

 private:
  const lsm::TreeView& view_;
  const TypeId type_;
};

struct CatalogTable {
  CatalogTable(const lsm::TreeView& view, TypeId type) : source(view, type), rows(type) {}
  CatalogSource source;
  lsm::RowTable rows;
};

}  // namespace

Result<triples::Catalog> read_tree_catalog(const lsm::LsmTree& tree, std::string_view record) {
  lsm::Memtable on_top;
  triples::CommitReader reader(record);
  for (triples::WrittenRow row;;) {
    TREMULA_TRY_ASSIGN(const bool more, reader.next(row));
    if (!more) break;
    if (!is_merged_type(row.type)) on_top.apply(row, 0);
  }
  const auto view = tree.view();
  view->add(on_top);
  CatalogTable tables(*view, triples::kCatalogTableType);
  CatalogTable columns(*view, triples::kCatalogColumnType);
  CatalogTable hidden_tables(*view, triples::kHiddenTableType);
  CatalogTable hidden_columns(*view, triples::kHiddenColumnType);
  for (CatalogTable* table : {&tables, &columns, &hidden_tables, &hidden_columns}) {
    TREMULA_TRY(table->rows.attach(table->source));
  }
  triples::Catalog catalog = lsm::read_catalog({.tables = tables.rows,
                                                .columns = columns.rows,
                                                .hidden_tables = hidden_tables.rows,
                                                .hidden_columns = hidden_columns.rows});
  for (const CatalogTable* table : {&tables, &columns, &hidden_tables, &hidden_columns}) {
    if (table->rows.load_error().code != base::ErrorCode::kOk) return table->rows.load_error();
  }
  return catalog;
}

}  // namespace tremula::persist
