// What the instances of one graph share: the queue of a step, releases, directories, parameter
// vectors, tuple numbers.
#include "core/base/check.h"
#include "core/dataflow/instance.h"
#include "core/dataflow/join_plan.h"
#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::Slot;
using triples::Value;

void Instance::wake() { engine_.wake(*this); }

void Engine::wake(Instance& instance) {
  note(instance);
  if (instance.woken_) return;
  instance.woken_ = true;
  if (woken_.size() <= instance.rank_) woken_.resize(instance.rank_ + 1);
  woken_[instance.rank_].push_back(&instance);
}

void Engine::note(Instance& instance) {
  if (instance.noted_) return;
  instance.noted_ = true;
  noted_.push_back(&instance);
}

void Engine::drain_all() {
  // A drain wakes only instances of greater rank; it may make new ones, which are born up to date.
  for (std::size_t rank = 0; rank < woken_.size(); ++rank) {
    for (std::size_t i = 0; i < woken_[rank].size(); ++i) {
      Instance* instance = woken_[rank][i];
      instance->woken_ = false;
      instance->drain();
    }
    woken_[rank].clear();
  }
}

void Engine::release_later(BlockInstance& instance, std::string_view key, const ParentRef& parent) {
  releases_.push_back({&instance, std::string(key), parent, nullptr});
}

void Engine::release_later(BlockInstance& instance, std::shared_ptr<Block> block) {
  releases_.push_back({&instance, {}, {}, std::move(block)});
}

void Engine::settle() {
  for (Instance* instance : noted_) {
    instance->noted_ = false;
    instance->settle();
  }
  noted_.clear();
  touched_roots.clear();
  // Destroying an instance releases its children, which appends here. Templates of roots, and with
  // them those of the children, stay until all is done.
  std::vector<std::shared_ptr<Block>> last_users;
  for (std::size_t i = 0; i < releases_.size(); ++i) {
    Release release = std::move(releases_[i]);
    if (release.block) last_users.push_back(std::move(release.block));
    if (release.parent.owner != nullptr)
      release.instance->remove_parent(release.key, release.parent);
    else
      release.instance->drop_use();
    if (release.instance->unused()) release.instance->block().directory->destroy(*release.instance);
  }
  releases_.clear();
  arena.clear();
}

ParameterVector::ParameterVector(std::span<const Value> values)
    : values_(values.begin(), values.end()) {
  std::size_t bytes = 0;
  for (const Value& v : values_)
    if (v.has_bytes()) bytes += v.size;
  if (bytes == 0) return;
  bytes_ = std::make_unique<char[]>(bytes);
  char* at = bytes_.get();
  for (Value& v : values_) {
    if (!v.has_bytes()) continue;
    std::copy(v.data, v.data + v.size, at);
    v.data = at;
    at += v.size;
  }
}

void encode_vector(std::span<const Value> values, std::string& out) {
  for (Value v : values) {
    triples::encode_ordered(v, out);
    if (v.is_number()) out += v.kind == triples::Kind::kInt ? 'i' : 'r';
  }
}

RowId TupleTable::intern(const Slot* tuple) {
  const std::string_view key = bytes(tuple);
  if (const RowId* found = rows_.find(key)) return *found;
  RowId row;
  if (free_.empty()) {
    row = static_cast<RowId>(width_ == 0 ? 0 : slots_.size() / width_);
    slots_.insert(slots_.end(), tuple, tuple + width_);
  } else {
    row = free_.back();
    free_.pop_back();
    std::copy(tuple, tuple + width_, slots_.begin() + static_cast<std::ptrdiff_t>(row * width_));
  }
  rows_[key] = row;
  return row;
}

void TupleTable::release(RowId row) {
  if (rows_.erase(bytes(tuple(row)))) free_.push_back(row);
}

std::size_t TupleTable::memory_bytes() const {
  return slots_.capacity() * sizeof(Slot) + rows_.memory_bytes() +
         rows_.size() * (width_ > 3 ? width_ * sizeof(Slot) : 0);
}

CoreInstance& CoreDirectory::acquire(Engine& engine, Core& core, std::span<const Value> parameters,
                                     bool ordered) {
  std::string key;
  encode_vector(parameters, key);
  if (Held* held = by_vector_.find(key)) {
    ++held->uses;
    if (ordered) held->instance->demand_order();
    return *held->instance;
  }
  auto made = std::make_unique<CoreInstance>(engine, core, parameters);
  CoreInstance& instance = *made;
  by_vector_[key] = Held{std::move(made), 1};
  ++engine.instances;
  routes_.resize(core.sources.size());
  for (std::size_t s = 0; s < core.sources.size(); ++s) {
    // Rows of derived tables find their one reader by themselves.
    if (core.sources[s].derived >= 0 || core.routes[s].empty()) continue;
    if (!routes_[s]) routes_[s] = std::make_unique<RouteIndex>(core.routes[s]);
    routes_[s]->insert(instance.parameters().values(), &instance);
  }
  instance.hydrate(ordered);
  return instance;
}

void CoreDirectory::release(CoreInstance& instance) {
  std::string key;
  encode_vector(instance.parameters().values(), key);
  Held* held = by_vector_.find(key);
  TREMULA_ASSERT(held != nullptr && held->uses > 0);
  if (--held->uses > 0) return;
  for (const std::unique_ptr<RouteIndex>& index : routes_)
    if (index) index->erase(instance.parameters().values(), &instance);
  instance.release_children();
  --instance.engine().instances;
  const std::unique_ptr<CoreInstance> last = std::move(held->instance);
  by_vector_.erase(key);
}

BlockInstance& BlockDirectory::acquire(Engine& engine, Block& block,
                                       std::span<const Value> parameters) {
  std::string key;
  encode_vector(parameters, key);
  if (std::unique_ptr<BlockInstance>* found = by_vector_.find(key)) return **found;
  auto made = std::make_unique<BlockInstance>(engine, block, parameters);
  BlockInstance& instance = *made;
  by_vector_[key] = std::move(made);
  ++engine.instances;
  instance.hydrate();
  return instance;
}

void BlockDirectory::destroy(BlockInstance& instance) {
  std::string key;
  encode_vector(instance.parameters().values(), key);
  std::unique_ptr<BlockInstance>* found = by_vector_.find(key);
  TREMULA_ASSERT(found != nullptr);
  instance.release_children();
  --instance.engine().instances;
  const std::unique_ptr<BlockInstance> last = std::move(*found);
  by_vector_.erase(key);
}

Core::Core() : directory(std::make_unique<CoreDirectory>()) {}
Core::~Core() = default;
Block::Block() : directory(std::make_unique<BlockDirectory>()) {}
Block::~Block() = default;

std::shared_ptr<Core> TemplateRegistry::share(std::unique_ptr<Core> made) {
  std::weak_ptr<Core>& known = cores_[made->canonical];
  if (std::shared_ptr<Core> core = known.lock()) {
    for (std::size_t s = 0; s < core->sources.size(); ++s)
      core->sources[s].read_columns |= made->sources[s].read_columns;
    return core;
  }
  build_plans(*made);
  std::shared_ptr<Core> core(made.release(), [this](Core* last) {
    forget(last);
    delete last;
  });
  known = core;
  for (std::uint32_t s = 0; s < core->sources.size(); ++s)
    if (core->sources[s].derived < 0) readers_[core->sources[s].table].push_back({core.get(), s});
  return core;
}

void TemplateRegistry::forget(Core* core) {
  cores_.erase(core->canonical);
  for (const CoreSource& source : core->sources) {
    auto found = readers_.find(source.table);
    if (source.derived >= 0 || found == readers_.end()) continue;
    std::erase_if(found->second, [core](const Reader& r) { return r.core == core; });
    if (found->second.empty()) readers_.erase(found);
  }
}

std::shared_ptr<Block> TemplateRegistry::share(std::unique_ptr<Block> made) {
  std::weak_ptr<Block>& known = blocks_[made->canonical];
  if (std::shared_ptr<Block> block = known.lock()) return block;
  std::shared_ptr<Block> block(made.release(), [this](Block* last) {
    blocks_.erase(last->canonical);
    delete last;
  });
  known = block;
  return block;
}

}  // namespace tremula::dataflow
