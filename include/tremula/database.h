// Database: declare tables, subscribe to trees of data, commit; every subscriber hears what
// changed.
//
//   auto db = tremula::Database::in_memory();
//   db.run(schema_text).value();
//   auto top = db.subscribe("SELECT { id: a.AlbumId, a.Title } FROM Album AS a "
//                           "ORDER BY a.Plays DESC LIMIT $n", {{"n", 3}},
//                           [](const tremula::Delta& delta) { /* delta.patch() */ }).value();
//   auto ticket = db.transact([&](tremula::Transaction& tx) {
//     tx.upsert("Album", {{"AlbumId", 4}, {"Plays", 1}});
//   }).value();
//
// Threads and callbacks:
//   1  a Database and everything made from it may be used from any thread: calls take one internal
//      recursive mutex in turn, and an open transaction (in transact(), or a Session's BEGIN) holds
//      it. A Session with an open BEGIN stays on its thread.
//   2  callbacks run on the committing thread, with that mutex held, after the whole commit was
//      taken in: every query and every Subscription::json() made in a callback sees the newest
//      state, whole.
//   3  a callback may commit. Its commit happens at once; what it changes is delivered after the
//      deliveries that are under way, so every listener hears commits in their order.
//   4  a callback may subscribe, and may end any subscription, its own too: that one hears nothing
//      more.
//   5  a callback that throws doesn't undo the commit and doesn't keep others from hearing it: the
//      first exception comes out of the call that committed (the outermost one), as it was thrown,
//      after everything was delivered.
//   6  inside a transaction, on its thread, another transaction, subscribe() and Session::run() are
//      `unsupported`; query() sees the open transaction's writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tremula/error.h"
#include "tremula/export.h"
#include "tremula/options.h"
#include "tremula/subscription.h"
#include "tremula/transaction.h"
#include "tremula/value.h"

namespace tremula {

// A commit, to wait for.
struct Ticket {
  std::uint64_t commit = 0;  // its number; of one that changed nothing: the last one's
};

// What an output of a script is.
enum class OutputKind : std::uint8_t {
  kColumns,   // a SELECT begins: `columns` are the names of its properties; no text
  kRow,       // a row of a SELECT
  kWrite,     // of INSERT, UPSERT, UPDATE, DELETE, TABLE, DROP, IMPORT, EXPORT, FLUSH, SYNC
  kSnapshot,  // of SUBSCRIBE
  kPatch,     // a commit changed a subscription of the session
  kExplain,   // one line of EXPLAIN
  kShow,      // one line of SHOW
  kError,     // a statement inside BEGIN failed and was undone: belongs on standard error
};

// One output of a script, in the order of the contract.  Borrowed: valid during the call.
struct Output {
  OutputKind kind = OutputKind::kRow;  // tells which of the others are set
  std::string_view text;          // as it is printed, without the last newline; print if not empty
  std::size_t statement = 0;      // which statement of the run it belongs to, from 1
  std::string_view subscription;  // its name: kSnapshot, kPatch
  std::span<const std::string> columns;  // kColumns
  const Error* error = nullptr;          // kError
};
// Hears each output of a script as it comes.
using OutputSink = std::function<void(const Output&)>;
// How far a statement is: bytes done and in all of an IMPORT, rows of an EXPORT; called now and
// then.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// What a script printed.
struct RunResult {
  std::vector<std::string> lines;  // all outputs but errors; empty for a run with a sink
  std::vector<Error> errors;       // of statements that failed inside BEGIN
};

class Database;
namespace db {
struct OpenOn;
struct Inside;
}  // namespace db

// A prepared statement: parsed and bound once, executed many times. Binds itself anew if tables
// were declared meanwhile.
// Thread: any. A Statement may outlive its database; it then fails with `unsupported`.
class TREMULA_API Statement {
 public:
  ~Statement();
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;

  // Runs a write in a transaction of its own.
  Result<Written> execute(NamedValues parameters = {});
  // Runs a SELECT.
  Result<Rows> query(NamedValues parameters = {});
  // Calls `row` with the JSON text of each row; stops when it returns false.
  Result<void> for_each(NamedValues parameters, const std::function<bool(std::string_view)>& row);

  struct TREMULA_LOCAL State;

 private:
  friend class Database;
  friend class Transaction;
  friend struct db::Inside;
  explicit Statement(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Scripts that belong together: a BEGIN and named subscriptions live from one run to the next.
// The shell is one. The end of a session rolls back an open BEGIN and ends its subscriptions.
// Requires: it ends before its database.
class TREMULA_API Session {
 public:
  Session(Database& database, OutputSink sink);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // Runs a script statement by statement. Unused parameters are ignored.
  // Returns: the errors of statements inside BEGIN (each went to the sink too).
  // Errors: of the statement that ended the script; what was committed before it stays.
  Result<RunResult> run(std::string_view script, NamedValues parameters = {});
  bool in_transaction() const;
  // The present result of a subscription of this session, as a JSON array.
  // Errors: unknown_subscription.
  Result<std::string> result_of(std::string_view subscription) const;
  // The same of its first rows only, which costs no more however long the result is.
  Result<std::string> result_of(std::string_view subscription, std::size_t rows_max) const;
  // How many rows that result has. Errors: unknown_subscription.
  Result<std::size_t> row_count_of(std::string_view subscription) const;
  std::vector<std::string> subscriptions() const;
  // Called while an IMPORT or EXPORT goes on. With it a SUBSCRIBE can be interrupted as well, while
  // its first result is found; a query of several scans is computed twice for that.
  void on_progress(Progress progress);
  // Ends the SELECT, write, IMPORT or EXPORT that run() is at, which is undone and fails with
  // `interrupted`; so do those behind it in an open BEGIN. Nothing happens if none runs, nor to
  // what is being committed already. From any thread, and from a signal's handler.
  void interrupt();

  struct TREMULA_LOCAL State;

 private:
  std::unique_ptr<State> state_;
};

// One open database. Moved, it stays the same one; what was made from it need not be told.
class TREMULA_API Database {
 public:
  // A database that ends with its handle.
  static Database in_memory();
  // The database in directory `path`, which is made if it isn't there (its parent must be). Any
  // number of handles, in as many processes of the machine, may have it open; docs/sync.md says
  // what they see of each other.
  // Errors: io; corrupt; locked, with the pid of the process that has it open, if that doesn't
  // share it.
  static Result<Database> open(const std::string& path, const Options& options = {});
  // Waits until every commit is on disk; then the directory can be opened again.
  ~Database();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;

  // Runs a script and collects what it prints. Its subscriptions and an open BEGIN end with it.
  // Errors: see Session::run.
  Result<RunResult> run(std::string_view script, NamedValues parameters = {});
  // The same, and hands each output to `sink` as it comes.
  Result<RunResult> run(std::string_view script, NamedValues parameters, OutputSink sink);

  // Parses and binds one statement, to be executed many times.
  Result<Statement> prepare(std::string_view statement);
  // One SELECT.  Errors: read_only if it is another statement.
  Result<Rows> query(std::string_view select, NamedValues parameters = {});
  // The plan, as lines ended by '\n'.
  Result<std::string> explain(std::string_view select, NamedValues parameters = {},
                              PlanFormat format = PlanFormat::kText);
  // Makes the select's result and keeps it: `listener` hears every commit that changes it, until
  // the handle ends.
  Result<Subscription> subscribe(std::string_view select, NamedValues parameters, Listener listener,
                                 DeltaDetail detail = DeltaDetail::kPatch);

  // Calls `write(Transaction&)` and commits what it did. If it throws, everything is rolled back:
  // a tremula::Exception becomes the error returned, anything else is thrown on.
  // Returns: a ticket for wait_durable(). By then all queries and listeners have the change.
  // Errors: io: the disk takes nothing any more; nothing was committed, unless the options ask for
  // Durability::sync: then it may be that the commit is here but not on disk.
  template <typename Write>
  Result<Ticket> transact(Write&& write) {
    using Function = std::remove_reference_t<Write>;
    return transact_with(
        [](void* function, Transaction& tx) { (*static_cast<Function*>(function))(tx); },
        const_cast<void*>(static_cast<const void*>(std::addressof(write))));
  }
  // --- Replicas (docs/merging.md) ---
  // Calls `line` with each change above a version, and with the closing line, which names this
  // replica and the version to come back with; JSON, without line feeds. All of it is on disk.
  // Errors: io, corrupt; unsupported in memory.
  Result<void> changes(std::uint64_t since, const std::function<void(std::string_view line)>& line);
  // Takes lines in that changes() of another replica gave, each ended by a line feed: one commit,
  // or none if nothing is new.
  // Returns: how many records changed something.
  // Errors: corrupt, with the line that is none: nothing was taken in; io; unsupported in memory,
  //         and inside a transaction.
  Result<std::size_t> merge(std::string_view changes);

  // Waits until a commit is on disk; in memory it returns at once.  Errors: io.
  Result<void> wait_durable(Ticket ticket);
  // Takes in what other processes committed, and tells the listeners; every call on the database
  // begins with that, too, outside of transactions and callbacks.
  // Returns: how many commits that were; in memory 0.  Errors: io, corrupt; final.
  Result<std::size_t> poll();
  // A file descriptor that becomes readable when poll() has something to do; -1: nothing ever will.
  int wake_fd() const;
  // How many commits changed something so far, since the database was made.
  std::uint64_t version() const;

  struct TREMULA_LOCAL Core;

 private:
  friend class Session;
  friend struct db::OpenOn;
  friend struct db::Inside;
  explicit Database(std::unique_ptr<Core> core);
  Result<Ticket> transact_with(void (*call)(void*, Transaction&), void* function);
  std::unique_ptr<Core> core_;
};

}  // namespace tremula
