// What the instances of one graph share: the queue of a step, releases, directories, parameter
// vectors, tuple numbers.
#include "core/base/check.h"
#include "core/dataflow/instance.h"
#include "core/dataflow/join_plan.h"
#include "core/dataflow/patch.h"
#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::Slot;
using triples::Value;

Engine::Engine(TableSource& table_source, ArrangementStore::Impl& index_store)
    : tables(table_source),
      indexes(index_store),
      router(tables, indexes, arena),
      patch(std::make_unique<PatchScratch>()) {}

Engine::~Engine() { TREMULA_ASSERT(views == 0); }

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
  releases_.push_back({&instance, std::string(key), parent});
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
    if (release.parent.owner != nullptr)
      release.instance->remove_parent(release.key, release.parent);
    else
      release.instance->drop_use();
    if (!release.instance->unused()) continue;
    BlockDirectory& directory = *release.instance->block().directory;
    directory.destroy(*release.instance);
    if (directory.size() == 0) last_users.push_back(directory.take_kept());
  }
  releases_.clear();
  arena.clear();
  core_steps.trim();
  block_steps.trim();
  constexpr std::size_t kKeptMax = 1024;
  if (keyed.capacity() > kKeptMax) keyed = {};
}

namespace {

void end_instance(CoreInstance& instance) {
  destroy_with_tail(instance.engine().instance_pool(), instance.core().layout.tail_at,
                    instance.parameters(), instance);
}

}  // namespace

CoreInstance& CoreDirectory::acquire(Engine& engine, Core& core, std::span<const Value> parameters,
                                     bool ordered) {
  if (const auto* held = instances_.find({parameters, nullptr})) {
    ++held->instance->uses_;
    if (ordered) held->instance->demand_order();
    return *held->instance;
  }
  core.engine = &engine;
  CoreInstance& instance =
      make_with_tail<CoreInstance>(engine.instance_pool(), core.layout.tail_at, parameters, core);
  instance.uses_ = 1;
  instances_.insert({instance.parameters(), &instance});
  ++engine.instances;
  if (engine.live) engine.router.insert(instance);
  instance.hydrate(ordered);
  return instance;
}

void CoreDirectory::release(CoreInstance& instance) {
  TREMULA_ASSERT(instance.uses_ > 0);
  if (--instance.uses_ > 0) return;
  if (instance.engine().live) instance.engine().router.erase(instance);
  instance.release_children();
  --instance.engine().instances;
  instances_.erase({instance.parameters(), nullptr});
  end_instance(instance);
}

std::size_t CoreDirectory::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + instances_.memory_bytes();
  for_each([&bytes](const CoreInstance& instance) { bytes += instance.memory_bytes(); });
  return bytes;
}

CoreDirectory::~CoreDirectory() {
  for (const auto& entry : instances_) end_instance(*entry.key.instance);
}

BlockInstance& BlockDirectory::acquire(Engine& engine, Block& block,
                                       std::span<const Value> parameters) {
  if (BlockInstance* found = find(parameters)) return *found;
  block.engine = &engine;
  const std::span<const Value> own = block.owns_vector() ? parameters : parameters.first(0);
  BlockInstance& instance =
      make_with_tail<BlockInstance>(engine.instance_pool(), block.layout.tail_at, own, block);
  ++engine.instances;
  ++size_;
  instance.hydrate(parameters);
  if (block.owns_vector()) instances_.insert({instance.parameters(), &instance});
  return instance;
}

void BlockDirectory::end(BlockInstance& instance) {
  const std::span<const Value> own =
      block_.owns_vector() ? instance.parameters() : std::span<const Value>();
  destroy_with_tail(instance.engine().instance_pool(), block_.layout.tail_at, own, instance);
}

void BlockDirectory::destroy(BlockInstance& instance) {
  if (block_.owns_vector()) instances_.erase({instance.parameters(), nullptr});
  --size_;
  instance.release_children();
  --instance.engine().instances;
  end(instance);
}

std::size_t BlockDirectory::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + instances_.memory_bytes();
  for_each([&bytes](const BlockInstance& instance) { bytes += instance.memory_bytes(); });
  return bytes;
}

// Those of other blocks over the core stay among its readers.
BlockDirectory::~BlockDirectory() {
  std::vector<BlockInstance*> all;
  for_each([&all](BlockInstance& instance) { all.push_back(&instance); });
  for (BlockInstance* instance : all) {
    instance->core().remove_reader(*instance);
    end(*instance);
  }
}

std::size_t Engine::memory_bytes() const {
  return sizeof(*this) + arena.bytes_reserved() + keyed.capacity() * sizeof(KeyedDelta) +
         core_steps.memory_bytes() + block_steps.memory_bytes() + router.memory_bytes() +
         noted_.capacity() * sizeof(noted_[0]) + releases_.capacity() * sizeof(Release) +
         registry.memory_bytes();
}

Core::Core() : directory(std::make_unique<CoreDirectory>()) {}
Core::~Core() = default;
Block::Block() : directory(std::make_unique<BlockDirectory>(*this)) {}
Block::~Block() = default;

std::shared_ptr<Core> TemplateRegistry::share(std::unique_ptr<Core> made) {
  ++version_;
  std::weak_ptr<Core>& known = cores_[made->canonical];
  if (std::shared_ptr<Core> core = known.lock()) {
    for (std::size_t s = 0; s < core->sources.size(); ++s)
      core->sources[s].read_columns |= made->sources[s].read_columns;
    return core;
  }
  build_plans(*made);
  made->layout = CoreInstance::lay_out(*made);
  for (const CoreSource& source : made->sources) made->relations.push_back(source.relation);
  std::shared_ptr<Core> core(made.release(), [this](Core* last) {
    forget(last);
    delete last;
  });
  known = core;
  for (std::uint32_t s = 0; s < core->sources.size(); ++s)
    if (core->sources[s].derived < 0)
      tables_[core->sources[s].table].readers.push_back({core.get(), s});
  return core;
}

std::size_t TemplateRegistry::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [text, core] : cores_)
    if (const auto held = core.lock()) bytes += sizeof(Core) + held->directory->memory_bytes();
  for (const auto& [text, block] : blocks_)
    if (const auto held = block.lock()) bytes += sizeof(Block) + held->directory->memory_bytes();
  return bytes;
}

void TemplateRegistry::forget(Core* core) {
  cores_.erase(core->canonical);
  for (const CoreSource& source : core->sources) {
    auto found = tables_.find(source.table);
    if (source.derived >= 0 || found == tables_.end()) continue;
    std::erase_if(found->second.readers, [core](const Reader& r) { return r.core == core; });
    if (found->second.readers.empty()) tables_.erase(found);
  }
}

void TemplateRegistry::look_again(Table& table) const {
  table.version = version_;
  table.reads = 0;
  for (const Reader& reader : table.readers)
    table.reads |= reader.core->sources[reader.source].read_columns;
}

std::shared_ptr<Block> TemplateRegistry::share(std::unique_ptr<Block> made) {
  ++version_;
  std::weak_ptr<Block>& known = blocks_[made->canonical];
  if (std::shared_ptr<Block> block = known.lock()) return block;
  made->layout = BlockInstance::lay_out(*made);
  std::shared_ptr<Block> block(made.release(), [this](Block* last) {
    blocks_.erase(last->canonical);
    delete last;
  });
  known = block;
  return block;
}

}  // namespace tremula::dataflow
