// What stands behind the handles of the C face (include/tremula/tremula_c.h), and its border:
// every function there runs inside guarded(), so that no exception leaves it.
//
//   tremula_db, _statement, _subscription -> Shared (the database, until tremula_close) -> Database
//
// Thread: as the header says; `open` and `callbacks` of Shared with the engine's mutex.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "db/handles.h"
#include "tremula/tremula.h"
#include "tremula/tremula_c.h"

namespace tremula::db {

// The way from the face's handles to what is behind them.
struct Inside {
  static Engine& engine(Database& database) { return *database.core_; }
  static Statement::State& state(Statement& statement) { return *statement.state_; }
};

}  // namespace tremula::db

namespace tremula::c_face {

// What a callback of the caller's returned, on its way through the delivery.
class CallbackFailed : public std::exception {
 public:
  explicit CallbackFailed(std::int32_t returned) : returned_(returned) {}
  std::int32_t returned() const { return returned_; }
  const char* what() const noexcept override;

 private:
  std::int32_t returned_;
};

// What a callback of the caller's threw. Its own type could be taken for an error of ours.
class CallbackThrew : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
// Throws: CallbackThrew with what the exception in hand says.
[[noreturn]] void rethrow_of_callback();

// What the thread's last call came to.  Returns: the status, for the call to return.
tremula_status succeed(tremula_status status = TREMULA_OK);
tremula_status fail(const Error& error);
tremula_status fail(tremula_status status, const std::string& message);
tremula_status fail_with_exception_in_hand() noexcept;
inline tremula_status misuse(const char* message) { return fail(TREMULA_MISUSE, message); }

// Runs a call's body, which returns a status by succeed(), fail() or misuse().
template <typename Body>
tremula_status guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    return fail_with_exception_in_hand();
  }
}

// One database, for all handles made from it.
struct Shared {
  explicit Shared(Database made) : database(std::move(made)) {}
  db::Engine& engine() { return db::Inside::engine(*database); }

  std::optional<Database> database;     // none: closed
  tremula_transaction* open = nullptr;  // the open transaction
  int callbacks = 0;                    // of the caller's that are running
};

using Lock = std::unique_lock<std::recursive_mutex>;

// Counts a callback of the caller's while it runs.
class InCallback {
 public:
  explicit InCallback(Shared& shared) : shared_(shared) { ++shared_.callbacks; }
  ~InCallback() { --shared_.callbacks; }
  InCallback(const InCallback&) = delete;
  InCallback& operator=(const InCallback&) = delete;

 private:
  Shared& shared_;
};

// The caller's values, as the face takes them. Borrowed: the caller's.
// Throws: Misused.
ValueView view_of(const tremula_value& value);
std::vector<NamedValue> named_of(const tremula_named* named, std::size_t count);
std::vector<ValueView> key_of(const tremula_value* key, std::size_t count);
// A value for the caller. Borrowed: `value`.
tremula_value value_for(const Value& value);
tremula_text text_for(std::string_view text);
// A copy for tremula_free().
char* copy_for(std::string_view text);

// A call against the rules, found where no status can be returned.
class Misused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Reads a struct of the caller's that begins with its `size`, over the defaults in `options`.
// Returns: false if the caller set something that this library doesn't know.
template <typename Options>
bool read_options(const Options& given, Options& options) {
  const std::size_t size = given.size;
  if (size < sizeof(std::size_t)) throw Misused("options whose member `size` is not set");
  const auto* bytes = reinterpret_cast<const unsigned char*>(&given);
  std::memcpy(&options, bytes, std::min(size, sizeof(Options)));
  for (std::size_t i = sizeof(Options); i < size; ++i) {
    if (bytes[i] != 0) return false;
  }
  return options.reserved == 0;
}

}  // namespace tremula::c_face

struct tremula_db {
  std::shared_ptr<tremula::c_face::Shared> shared;
};

// Declared in this order: the transaction ends, then the session that holds the lock.
struct TREMULA_LOCAL tremula_transaction {
  explicit tremula_transaction(std::shared_ptr<tremula::c_face::Shared> of);

  std::shared_ptr<tremula::c_face::Shared> shared;
  std::thread::id thread = std::this_thread::get_id();
  tremula::Session session;
  tremula::Transaction::Core core;
  tremula::Transaction writes;
  tremula::Value value;  // what tremula_get() lent last
};
