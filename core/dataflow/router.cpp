#include "core/dataflow/router.h"

#include "core/dataflow/instance.h"

namespace tremula::dataflow {

using triples::RowChange;

namespace {

// Touches the instances that read what changed.
class Toucher final : public RouteVisitor {
 public:
  explicit Toucher(const RowChange& change) : change_(change) {}
  void visit(CoreInstance& instance, std::uint32_t source) override {
    const triples::ColumnMask reads = instance.core().sources[source].read_columns;
    if (change_.in_old && change_.in_new && (change_.changed & reads) == 0) return;
    instance.touch(source, change_.slot);
  }

 private:
  const RowChange& change_;
};

}  // namespace

void Router::insert(CoreInstance& instance) {
  const Core& core = instance.core();
  RoutePlace head = kNoPlace;
  for (std::uint32_t s = 0; s < core.sources.size(); ++s) {
    // Rows of derived tables find their one reader by themselves.
    const CoreSource& source = core.sources[s];
    if (source.derived >= 0) continue;
    std::unique_ptr<RouteIndex>& index = tables_[source.table];
    if (!index) index = std::make_unique<RouteIndex>(shared_, *source.relation);
    for (const RouteArm& arm : core.routes[s].arms)
      head = index->insert(arm, 0, instance.parameters(), instance, s, head);
  }
  instance.set_places(head);
}

void Router::erase(CoreInstance& instance) {
  for (RoutePlace place = instance.places(); place != kNoPlace;) {
    const RouteEntry entry = shared_.entries[place];
    entry.index->erase(place);
    place = entry.of_instance;
  }
  for (const CoreSource& source : instance.core().sources) {
    if (source.derived >= 0) continue;
    std::unique_ptr<RouteIndex>* index = tables_.find(source.table);
    if (index != nullptr && (*index)->forget_unused()) tables_.erase(source.table);
  }
}

void Router::route(TemplateRegistry& registry) {
  registry.for_each_table([this](triples::TypeId type, triples::ColumnMask reads) {
    const std::unique_ptr<RouteIndex>* index = tables_.find(type);
    if (index == nullptr) return;
    for (const RowChange& change : shared_.tables.table(type)->changes()) {
      if (change.in_old && change.in_new && (change.changed & reads) == 0) continue;
      Toucher toucher(change);
      (*index)->visit(change.slot, change.in_old, change.in_new, change.changed, toucher);
    }
  });
}

std::size_t Router::memory_bytes() const {
  std::size_t bytes = shared_.entries.memory_bytes();
  for (const auto& entry : tables_) bytes += entry.value->memory_bytes();
  return bytes;
}

}  // namespace tremula::dataflow
