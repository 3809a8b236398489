#include "core/dataflow/router.h"

#include <algorithm>

#include "core/dataflow/instance.h"

namespace tremula::dataflow {

using triples::Kind;
using triples::RowChange;
using triples::Side;
using triples::Slot;
using triples::Value;

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

constexpr std::size_t kDirectMax = 4;            // of one table
constexpr std::size_t kDirectParametersMax = 4;  // of one of these

// Equal numbers are one value: a REAL that is whole stands for the INT.
Value one_of_equals(Value value) {
  constexpr double kEnd = 9223372036854775808.0;  // 2^63
  if (value.kind != Kind::kReal || value.number < -kEnd || value.number >= kEnd) return value;
  const auto whole = static_cast<std::int64_t>(value.number);
  return static_cast<double>(whole) == value.number ? Value::int_of(whole) : value;
}

// Whether rows with equal values find this vector. What equals NULL is nothing or, with IS, NULL.
bool is_found_by_values(std::span<const Value> parameters) {
  for (const Value& value : parameters)
    if (value.is_null() || one_of_equals(value).kind != value.kind) return false;
  return true;
}

// Returns: false if a value is NULL, so that nothing equals it.
bool read_values(const triples::Relation& relation, Slot slot,
                 const std::vector<triples::ColumnIndex>& columns, Side side, Value* out) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    out[i] = one_of_equals(relation.read(slot, columns[i], side));
    if (out[i].is_null()) return false;
  }
  return true;
}

}  // namespace

bool Router::is_direct(const Table& table, const CoreInstance& instance, std::uint32_t source) {
  for (const Direct& direct : table.direct)
    if (direct.core == &instance.core() && direct.source == source)
      return is_found_by_values(instance.parameters());
  return false;
}

// Does so if each parameter of the core is named by an equality of its only arm.
void Router::add_direct(Table& table, const Core& core, std::uint32_t source) {
  const std::vector<RouteArm>& arms = core.routes[source].arms;
  const std::size_t count = core.parameter_count;
  if (table.direct.size() == kDirectMax || count == 0 || count > kDirectParametersMax ||
      arms.size() != 1 || !arms[0].hops.empty())
    return;
  constexpr triples::ColumnIndex kNone = ~triples::ColumnIndex{0};
  Direct direct{&core, source, std::vector<triples::ColumnIndex>(count, kNone)};
  for (const RouteTerm& term : arms[0].terms)
    if (term.kind == RouteTerm::Kind::kEqual && term.of_row.is_column() &&
        term.values.size() == 1 && term.values[0].op == ExprOp::kParameter)
      direct.columns[term.values[0].index] = term.of_row.index;
  if (std::find(direct.columns.begin(), direct.columns.end(), kNone) == direct.columns.end())
    table.direct.push_back(std::move(direct));
}

void Router::insert(CoreInstance& instance) {
  const Core& core = instance.core();
  const bool is_first = core.directory->size() == 1;
  RoutePlace head = kNoPlace;
  for (std::uint32_t s = 0; s < core.sources.size(); ++s) {
    // Rows of derived tables find their one reader by themselves.
    const CoreSource& source = core.sources[s];
    if (source.derived >= 0) continue;
    std::unique_ptr<Table>& table = tables_[source.table];
    if (!table) table = std::make_unique<Table>();
    if (is_first) add_direct(*table, core, s);
    if (is_direct(*table, instance, s)) continue;
    if (!table->index) table->index = std::make_unique<RouteIndex>(shared_, *source.relation);
    for (const RouteArm& arm : core.routes[s].arms)
      head = table->index->insert(arm, 0, instance.parameters(), instance, s, head);
  }
  instance.set_places(head);
}

void Router::erase(CoreInstance& instance) {
  for (RoutePlace place = instance.places(); place != kNoPlace;) {
    const RouteEntry entry = shared_.entries[place];
    shared_.indexes_by_number[entry.index]->erase(place);
    place = entry.of_instance;
  }
  const Core& core = instance.core();
  const bool is_last = core.directory->size() == 1;
  if (instance.places() == kNoPlace && !is_last) return;
  for (const CoreSource& source : core.sources) {
    if (source.derived >= 0) continue;
    std::unique_ptr<Table>* found = tables_.find(source.table);
    if (found == nullptr) continue;
    Table& table = **found;
    if (is_last) std::erase_if(table.direct, [&](const Direct& d) { return d.core == &core; });
    if (table.index && table.index->forget_unused()) table.index.reset();
    if (!table.index && table.direct.empty()) tables_.erase(source.table);
  }
}

void Router::touch_direct(const Direct& direct, const RowChange& change) {
  const CoreSource& source = direct.core->sources[direct.source];
  if (change.in_old && change.in_new && (change.changed & source.read_columns) == 0) return;
  Value values[2][kDirectParametersMax];
  const CoreInstance* touched = nullptr;
  for (const Side side : {Side::kOld, Side::kNew}) {
    if (!(side == Side::kOld ? change.in_old : change.in_new)) continue;
    Value* vector = values[static_cast<int>(side)];
    if (!read_values(*source.relation, change.slot, direct.columns, side, vector)) continue;
    CoreInstance* instance = direct.core->directory->find({vector, direct.columns.size()});
    if (instance == nullptr || instance == touched) continue;
    instance->touch(direct.source, change.slot);
    touched = instance;
  }
}

void Router::route(TemplateRegistry& registry) {
  registry.for_each_table([this](triples::TypeId type, triples::ColumnMask reads) {
    const std::unique_ptr<Table>* table = tables_.find(type);
    if (table == nullptr) return;
    for (const RowChange& change : shared_.tables.table(type)->changes()) {
      if (change.in_old && change.in_new && (change.changed & reads) == 0) continue;
      for (const Direct& direct : (*table)->direct) touch_direct(direct, change);
      if (!(*table)->index) continue;
      Toucher toucher(change);
      (*table)->index->visit(change.slot, change.in_old, change.in_new, change.changed, toucher);
    }
  });
}

std::size_t Router::memory_bytes() const {
  std::size_t bytes = shared_.entries.memory_bytes();
  for (const auto& entry : tables_) {
    bytes += sizeof(Table) + entry.value->direct.capacity() * sizeof(Direct);
    if (entry.value->index) bytes += entry.value->index->memory_bytes();
  }
  return bytes;
}

}  // namespace tremula::dataflow
