#include "db/storage.h"

#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "core/triples/catalog.h"
#include "db/engine.h"
#include "db/row_effect.h"

namespace tremula::db {

using base::Result;
using triples::Fate;
using triples::kTickType;
using triples::Side;
using triples::Slot;
using triples::TypeId;

namespace {

// What a record may leave for the next one, so that small ones allocate nothing.
constexpr std::size_t kKeptRecordBytes = std::size_t{1} << 20;

persist::PersisterOptions persister_options(const Options& options) {
  persist::PersisterOptions to;
  to.queue_bytes = options.queue_bytes;
  to.sync_delay_ms = options.sync_delay_ms;
  // A small budget makes small files, so that none is larger than what it is merged in.
  constexpr std::uint64_t kMemtableMin = 4U << 10;
  lsm::LsmOptions& tree = to.lsm;
  tree.memtable_bytes =
      std::clamp<std::uint64_t>(options.memory_bytes / 16, kMemtableMin, tree.memtable_bytes);
  tree.file_bytes = std::min(tree.file_bytes, tree.memtable_bytes / 2);
  tree.level1_bytes = std::min(tree.level1_bytes, tree.memtable_bytes * 2);
  return to;
}

std::uint64_t random_process() {
  std::random_device random;
  std::uint64_t process = 0;
  while (process == 0) process = std::uint64_t{random()} << 32 | random();
  return process;
}

}  // namespace

Storage::Storage(std::shared_ptr<base::FileSystem> files, std::shared_ptr<persist::Wire> wire,
                 std::string directory, const Options& options)
    : files_(std::move(files)),
      wire_(std::move(wire)),
      directory_(std::move(directory)),
      options_(options) {}

Storage::~Storage() {
  if (shared_) shared_->leave();
  persister_.reset();  // before the board that it publishes to
  shared_.reset();
}

Result<std::unique_ptr<Storage>> Storage::open(std::shared_ptr<base::FileSystem> files,
                                               std::shared_ptr<persist::Wire> wire,
                                               const std::string& directory,
                                               const Options& options) {
  if (!options.create) {
    // A backup has no lock yet.
    TREMULA_TRY_ASSIGN(const bool has_lock, files->exists(directory + "/LOCK"));
    TREMULA_TRY_ASSIGN(const bool has_manifest, files->exists(directory + "/MANIFEST"));
    if (!has_lock && !has_manifest) {
      return base::Error{base::ErrorCode::kIo, directory + ": there is no database here"};
    }
  }
  std::unique_ptr<Storage> storage(
      new Storage(std::move(files), std::move(wire), directory, options));
  storage->persister_options_ = db::persister_options(options);
  if (storage->wire_) {
    TREMULA_TRY_ASSIGN(storage->board_, persist::WatermarkBoard::make());
    storage->persister_options_.wire = storage->wire_.get();
    storage->persister_options_.board = storage->board_.get();
    storage->persister_options_.process = random_process();
  }
  auto opened = persist::Persister::open(*storage->files_, directory, storage->persister_options_);
  if (opened.ok()) {
    storage->persister_ = std::move(opened).value();
    return storage;
  }
  if (opened.error().code != base::ErrorCode::kLocked || !storage->wire_) return opened.error();
  storage->shared_ =
      std::make_unique<SharedDirectory>(*storage->files_, directory, storage->persister_options_);
  storage->has_shared_ = true;
  TREMULA_TRY(storage->shared_->join());
  return storage;
}

Result<void> Storage::load(Store& store) {
  constexpr std::uint64_t kCacheBytesMax = 4U << 20;
  store.set_cache_bytes(std::min<std::uint64_t>(options_.memory_bytes / 16, kCacheBytesMax));
  if (!unstarted()) {
    TREMULA_TRY(shared_->read());
    recovered_ = shared_->version();
  } else {
    recovered_ = unstarted()->recovered_version();
  }
  TREMULA_TRY(store.attach_files([this] { return files().snapshot; }));
  TREMULA_TRY(read_tick());
  TREMULA_TRY(replay(store, true));
  store.reread_catalog();
  TREMULA_TRY(replay(store, false));
  store.keys().start_after(logged_tick_);
  if (store.file_error().code != base::ErrorCode::kOk) return store.file_error();
  store.set_version(recovered_version() + 1);
  if (persister_) {
    const persist::StampBook& stamps = persister_->stamps();
    store.note_stamped(stamps.stamped());
    store.note_stamped(stamps.marked());
    if (stamps.has_other_names()) store.stamp_counters();
    set_catalog(store);
    persister_->start();
    return {};
  }
  return shared_->start();
}

void Storage::visit_log(const RowVisitor& visit, lsm::Memtable::WantsType wants) {
  if (persist::Persister* persister = unstarted()) {
    persister->tree().visit_memtables(visit, wants);
  } else {
    shared_->visit_log(visit, wants);
  }
}

// Writes what the log has and the files lack over the rows of the files.
Result<void> Storage::replay(Store& store, bool of_catalog) {
  constexpr std::size_t kSettledRows = 256;
  base::Error error;
  std::set<lsm::RowTable*> written;
  const auto settle = [&] {
    for (lsm::RowTable* table : written) table->settle();
    written.clear();
  };
  bool deleting = true;
  std::size_t unsettled = 0;
  const auto put = [&](const lsm::MemtableRow& row) {
    if (row.type == kTickType && !row.cells.empty()) {
      logged_tick_ = std::max(logged_tick_, row.cells.front().value.integer);
    }
    if (!Overlay::is_kept(row.type)) return;
    // Deleted rows come first: others may have taken over their slots and keys.
    const bool was_deleting = std::exchange(deleting, row.fate == Fate::kDeleted);
    // Rows stand once, so that books of many of them would serve nobody.
    if (!deleting && (was_deleting || ++unsettled % kSettledRows == 0)) settle();
    lsm::RowTable& table = store.row_table(row.type);
    if (written.insert(&table).second) table.set_version(recovered_version());
    table.begin_statement();  // keeps the books of what could be undone short
    if (put_row(table, row) || error.code != base::ErrorCode::kOk) return;
    error = {base::ErrorCode::kCorrupt, directory_ + ": the log doesn't fit the files at table " +
                                            std::to_string(static_cast<std::uint32_t>(row.type)) +
                                            ", row " + std::to_string(row.slot)};
  };
  const auto is_of_table = [](TypeId type) { return !is_of_catalog(type); };
  visit_log(put, of_catalog ? lsm::Memtable::WantsType(is_of_catalog) : is_of_table);
  settle();
  if (error.code != base::ErrorCode::kOk) return error;
  return {};
}

// The tick in the files; the log's, which replay() reads, comes after it.
Result<void> Storage::read_tick() {
  return files().snapshot->scan(kTickType, kTickAttr, [this](const lsm::Entry& entry) {
    logged_tick_ = entry.value.integer;
  });
}

Result<std::optional<std::uint64_t>> Storage::submit(Store& store) {
  record_.clear();
  store.record(record_);
  const std::int64_t tick = store.keys().tick();
  if (tick != logged_tick_) {
    record_.begin_row(kTickType, 0, logged_tick_ == 0 ? Fate::kInserted : Fate::kUpdated, kTickKey,
                      1);
    record_.cell(kTickAttr, triples::Value::int_of(tick));
  }
  if (store.catalog_changed()) set_catalog(store);
  if (record_.has_deletions()) store.note_deletions();
  const bool wants_stamps =
      record_.has_deletions() || store.catalog_changed() || store.wants_stamps();
  auto version = persister_->submit(record_.view(), wants_stamps);
  if (!version.ok() && is_shared() && version.error().code == base::ErrorCode::kLocked) {
    return std::optional<std::uint64_t>();
  }
  if (version.ok()) logged_tick_ = tick;
  if (record_.size() > kKeptRecordBytes) record_ = {};
  if (!version.ok()) return version.error();
  return std::optional(version.value());
}

Result<void> Storage::share(Engine& engine) {
  if (!shared_) {
    shared_ = std::make_unique<SharedDirectory>(*files_, directory_, persister_options_);
    if (const auto begun = shared_->begin_as_host(*persister_); !begun.ok()) {
      shared_.reset();
      return begun;
    }
    has_shared_ = true;
  }
  TREMULA_ASSERT(shared_->version() == engine.commits);
  engine.sharing = std::make_unique<Sharing>(*shared_, engine.store, engine.commits, logged_tick_);
  return {};
}

void Storage::set_catalog(const Store& store) {
  persister_->set_catalog(std::make_shared<const triples::Catalog>(store.catalog()));
}

Result<std::uint64_t> Storage::submit_merged(Store& store, std::string_view record) {
  if (store.catalog_changed()) set_catalog(store);
  record_.clear();
  store.record_catalog(record_);
  return persister_->submit(std::string(record) + std::string(record_.view()));
}

Result<void> Storage::with_base(const persist::Persister::BaseVisitor& visit) {
  return persister_->with_base(visit);
}

Result<void> Storage::sync(std::uint64_t commits) {
  return has_shared_ ? shared_->sync() : persister_->wait_ordered(commits);
}

Result<void> Storage::wait_durable(std::uint64_t commits) {
  if (!has_shared_) return persister_->wait_durable(commits);
  TREMULA_TRY(shared_->wait_own());
  return shared_->wait_durable(shared_->ordered());
}

persist::PersisterStatus Storage::status() const {
  return persister_ ? persister_->status() : shared_->status();
}

// Alone, the newest; else those that base has reached, from the moment on when others came.
Storage::Files Storage::files() const {
  if (shared_) return shared_->files();
  Files files = persister_->files();
  if (!is_shared()) return files;
  auto start = persister_->wait_shared_start();
  if (!start.ok()) return files;  // the log takes nothing any more
  return {std::move(start.value().snapshot), start.value().flushed};
}

std::uint64_t Storage::follow_files(std::uint64_t base) {
  // After an error the files of before still serve.
  if (shared_) (void)shared_->follow_files(base);
  return files().flushed;
}

// One is filled while another is flushed.
std::size_t Storage::memtable_bytes_max() const {
  return 2 * persister_options_.lsm.memtable_bytes;
}

void Reading::trim_memory(Engine& engine) {
  // Memory grows by loads and by commits; to look at it costs more than one of either. Chunks of
  // long texts take 100 KB and more: a small budget looks more often.
  constexpr std::size_t kLoadsMin = 4;
  constexpr std::size_t kLoadsMax = 64;
  constexpr std::uint64_t kCommits = 4096;
  if (engine.in_transaction || engine.store.touched()) return;
  const std::size_t budget = engine.storage->options().memory_bytes;
  const std::size_t loads = std::clamp(budget >> 20, kLoadsMin, kLoadsMax);
  if (engine.store.loads() - engine.loads_when_trimmed < loads &&
      engine.commits - engine.commits_when_trimmed < kCommits) {
    return;
  }
  engine.loads_when_trimmed = engine.store.loads();
  engine.commits_when_trimmed = engine.commits;
  const std::size_t live = engine.arrangements.memory_bytes() + engine.graph.stats().bytes +
                           engine.store.cache_bytes() + engine.storage->memtable_bytes_max();
  const std::uint64_t flushed =
      engine.storage->follow_files(engine.sharing ? engine.sharing->base() : 0);
  engine.store.drop_cold(budget - std::min(budget, live),
                         engine.sharing ? engine.sharing->droppable(flushed) : flushed);
}

}  // namespace tremula::db
