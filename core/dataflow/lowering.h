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
  // Tables that have readers, in no particular order.
  const std::map<triples::TypeId, std::vector<Reader>>& tables() const { return readers_; }

 private:
  void forget(Core* core);
  std::unordered_map<std::string, std::weak_ptr<Core>> cores_;
  std::unordered_map<std::string, std::weak_ptr<Block>> blocks_;
  std::map<triples::TypeId, std::vector<Reader>> readers_;
};

struct Lowered {
  std::shared_ptr<Block> block;
  std::vector<ParameterOrigin> origins;  // parallel to the block's parameters
  std::vector<ExprPtr> probe;            // of a semi-join, over the scope around
};

// A statement's own select.
Lowered lower_root(const Select& select, TableSource& tables, TemplateRegistry& registry);

}  // namespace tremula::dataflow
