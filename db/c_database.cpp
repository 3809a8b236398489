// The C face: databases, scripts, the disk and other processes.
#include <algorithm>
#include <utility>

#include "db/c_face.h"

using namespace tremula;
using namespace tremula::c_face;

namespace {

tremula_open_options default_options() {
  const Options options;
  return {.size = sizeof(tremula_open_options),
          .durability = TREMULA_ASYNC,
          .create = options.create ? 1 : 0,
          .sync_delay_ms = options.sync_delay_ms,
          .reserved = 0,
          .queue_bytes = options.queue_bytes,
          .memory_bytes = options.memory_bytes};
}

tremula_status open_options(const tremula_open_options* given, Options& options) {
  tremula_open_options merged = default_options();
  if (given != nullptr && !read_options(*given, merged))
    return fail(TREMULA_UNSUPPORTED, "an option that this library doesn't know is set");
  if (merged.durability != TREMULA_ASYNC && merged.durability != TREMULA_SYNC)
    return misuse("a durability that there is not");
  options.durability = merged.durability == TREMULA_SYNC ? Durability::sync : Durability::async;
  options.create = merged.create != 0;
  options.sync_delay_ms = merged.sync_delay_ms;
  options.queue_bytes = merged.queue_bytes;
  options.memory_bytes = merged.memory_bytes;
  return TREMULA_OK;
}

void hand_out(Database database, tremula_db** db) {
  *db = new tremula_db{std::make_shared<Shared>(std::move(database))};
}

// The outputs of one script, on their way to the caller's function.
class Sink {
 public:
  Sink(Shared& shared, tremula_output_function function, void* user)
      : shared_(shared), function_(function), user_(user) {}

  // An exception must not go through the engine: it waits here, and the function hears no more.
  void put(const Output& output) {
    if (function_ == nullptr || thrown_) return;
    const tremula_output out = {.size = sizeof(tremula_output),
                                .kind = static_cast<std::int32_t>(output.kind),
                                .status = output.error == nullptr
                                              ? TREMULA_OK
                                              : static_cast<tremula_status>(output.error->code),
                                .statement = output.statement,
                                .text = text_for(output.text),
                                .subscription = text_for(output.subscription)};
    const InCallback in_callback(shared_);
    try {
      function_(user_, &out);
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }
  void rethrow() const {
    try {
      if (thrown_) std::rethrow_exception(thrown_);
    } catch (...) {
      rethrow_of_callback();
    }
  }

 private:
  Shared& shared_;
  tremula_output_function function_;
  void* user_;
  std::exception_ptr thrown_;
};
static_assert(static_cast<int>(OutputKind::kError) == TREMULA_OUTPUT_ERROR);
static_assert(static_cast<int>(OutputKind::kPatch) == TREMULA_OUTPUT_PATCH);

}  // namespace

const char* tremula_version(void) { return TREMULA_VERSION; }

void tremula_open_options_init(tremula_open_options* options, size_t size) {
  if (options == nullptr) return;
  tremula_open_options defaults = default_options();
  defaults.size = size;
  if (size > sizeof defaults) std::memset(static_cast<void*>(options), 0, size);
  std::memcpy(static_cast<void*>(options), &defaults, std::min(size, sizeof defaults));
}

tremula_status tremula_open(const char* path, const tremula_open_options* options,
                            tremula_db** db) {
  return guarded([&] {
    if (path == nullptr || db == nullptr) return misuse("tremula_open() needs path and db");
    Options face;
    if (const tremula_status status = open_options(options, face)) return status;
    auto opened = Database::open(path, face);
    if (!opened.ok()) return fail(opened.error());
    hand_out(std::move(opened).value(), db);
    return succeed();
  });
}

tremula_status tremula_open_memory(tremula_db** db) {
  return guarded([&] {
    if (db == nullptr) return misuse("tremula_open_memory() needs db");
    hand_out(Database::in_memory(), db);
    return succeed();
  });
}

tremula_status tremula_close(tremula_db* db) {
  return guarded([&] {
    if (db == nullptr) return succeed();
    Shared& shared = *db->shared;
    {
      const Lock lock(shared.engine().mutex);
      if (shared.open != nullptr) return misuse("tremula_close() with a transaction open");
      if (shared.callbacks != 0) return misuse("tremula_close() inside a callback");
    }
    const auto durable = shared.database->wait_durable({.commit = shared.database->version()});
    shared.database.reset();
    delete db;
    return durable.ok() ? succeed() : fail(durable.error());
  });
}

tremula_status tremula_run(tremula_db* db, const char* script, const tremula_named* parameters,
                           size_t count, tremula_output_function output, void* user) {
  return guarded([&] {
    if (db == nullptr || script == nullptr) return misuse("tremula_run() needs db and script");
    const std::vector<NamedValue> values = named_of(parameters, count);
    Sink sink(*db->shared, output, user);
    const auto ran =
        db->shared->database->run(script, values, [&sink](const Output& one) { sink.put(one); });
    sink.rethrow();
    return ran.ok() ? succeed() : fail(ran.error());
  });
}

tremula_status tremula_query_json(tremula_db* db, const char* select,
                                  const tremula_named* parameters, size_t count, char** json) {
  return guarded([&] {
    if (db == nullptr || select == nullptr || json == nullptr)
      return misuse("tremula_query_json() needs db, select and json");
    const auto rows = db->shared->database->query(select, named_of(parameters, count));
    if (!rows.ok()) return fail(rows.error());
    *json = copy_for(rows.value().json());
    return succeed();
  });
}

uint64_t tremula_commit_count(tremula_db* db) {
  return db == nullptr ? 0 : db->shared->database->version();
}

tremula_status tremula_wait_durable(tremula_db* db, uint64_t ticket) {
  return guarded([&] {
    if (db == nullptr) return misuse("tremula_wait_durable() needs db");
    const auto waited = db->shared->database->wait_durable({.commit = ticket});
    return waited.ok() ? succeed() : fail(waited.error());
  });
}

tremula_status tremula_poll(tremula_db* db, uint64_t* commits) {
  return guarded([&] {
    if (db == nullptr) return misuse("tremula_poll() needs db");
    const auto polled = db->shared->database->poll();
    if (!polled.ok()) return fail(polled.error());
    if (commits != nullptr) *commits = polled.value();
    return succeed();
  });
}

int tremula_wake_fd(const tremula_db* db) {
  return db == nullptr ? -1 : db->shared->database->wake_fd();
}
