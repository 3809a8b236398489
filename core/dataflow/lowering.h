// Lowering: a bound Select becomes a Block (template.h), children first; equal ones are found in
// the registry.
//
// A correlated EXISTS becomes a semi-join where that is better: `inner = outer` leaves the child's
// WHERE; the child then counts its rows by `inner` once for all, and each outer row probes with
// `outer`.
// Thread: the writer thread alone.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/dataflow/template.h"

namespace tremula::dataflow {

// Templates that are in use, by canonical text, and those that read a base table. Templates leave
// by themselves, with their last user.
class TemplateRegistry {
 public:
  std::shared_ptr<Core> share(std::unique_ptr<Core> made);
  std::shared_ptr<Block> share(std::unique_ptr<Block> made);
  // The cores over a base table, with the source that it is.
  struct Reader {
    Core* core = nullptr;
    std::uint32_t source = 0;
  };
  std::size_t size() const { return cores_.size() + blocks_.size(); }
  std::size_t memory_bytes() const;  // of templates with all their instances
  struct Table {
    std::vector<Reader> readers;
    triples::ColumnMask reads = 0;  // what they read, as of `version`
    std::uint64_t version = 0;
  };
  // Calls visit(table, mask of the columns that somebody reads) for the tables that have readers.
  template <typename Visitor>
  void for_each_table(Visitor&& visit) {
    for (auto& [type, table] : tables_) {
      if (table.version != version_) look_again(table);
      visit(type, table.reads);
    }
  }
  template <typename Visitor>
  void for_each_block(Visitor&& visit) const {
    for (const auto& [text, block] : blocks_)
      if (const std::shared_ptr<Block> held = block.lock()) visit(*held);
  }

 private:
  void forget(Core* core);
  void look_again(Table& table) const;
  std::unordered_map<std::string, std::weak_ptr<Core>> cores_;
  std::unordered_map<std::string, std::weak_ptr<Block>> blocks_;
  std::map<triples::TypeId, Table> tables_;
  std::uint64_t version_ = 1;  // grows when templates come, and with them what cores read
};

struct Lowered {
  std::shared_ptr<Block> block;
  std::vector<ParameterOrigin> origins;  // parallel to the block's parameters
  std::vector<ExprPtr> probe;            // of a semi-join, over the scope around
};

// A statement's own select.
Lowered lower_root(const Select& select, TableSource& tables, TemplateRegistry& registry);

}  // namespace tremula::dataflow
