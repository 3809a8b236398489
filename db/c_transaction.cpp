// The C face: transactions that are begun and ended by calls.
#include <algorithm>
#include <utility>

#include "db/c_face.h"

using namespace tremula;
using namespace tremula::c_face;

// The session holds the engine's mutex from its BEGIN on.
tremula_transaction::tremula_transaction(std::shared_ptr<Shared> of)
    : shared(std::move(of)),
      session(*shared->database, [](const Output&) {}),
      core(shared->engine()),
      writes(Transaction::Core::lend(core)) {
  session.run("BEGIN").value();
  shared->open = this;
}

namespace {

const char* what_is_wrong(const tremula_transaction* transaction) {
  if (transaction == nullptr) return "a transaction that is a null pointer";
  if (transaction->thread != std::this_thread::get_id())
    return "a transaction may be used by the thread alone that began it";
  return nullptr;
}

// Runs the body of a call on an open transaction of this thread.
template <typename Body>
tremula_status inside(tremula_transaction* transaction, bool has_all, Body&& body) {
  return guarded([&] {
    if (const char* wrong = what_is_wrong(transaction)) return misuse(wrong);
    if (!has_all) return misuse("a null pointer where there must be something");
    body(transaction->writes);
    return succeed();
  });
}

// Ends it by COMMIT or ROLLBACK. It is gone afterwards, whatever comes out.
tremula_status end(tremula_transaction* transaction, const char* how, std::uint64_t* ticket) {
  return guarded([&] {
    if (const char* wrong = what_is_wrong(transaction)) return misuse(wrong);
    const std::unique_ptr<tremula_transaction> ended(transaction);
    Database& database = *ended->shared->database;
    const Lock lock(ended->shared->engine().mutex);  // past the end of BEGIN's
    ended->shared->open = nullptr;
    const std::uint64_t before = database.version();
    try {
      const auto ran = ended->session.run(how);
      if (!ran.ok()) return fail(ran.error());
      if (!ran.value().errors.empty()) return fail(ran.value().errors.front());
    } catch (...) {
      // A listener failed, after the commit.
      if (ticket != nullptr) *ticket = std::max(before, database.version());
      throw;
    }
    if (ticket != nullptr) *ticket = database.version();
    return succeed();
  });
}

void tell(std::int32_t* found, bool is_there) {
  if (found != nullptr) *found = is_there ? 1 : 0;
}

}  // namespace

tremula_status tremula_begin(tremula_db* db, tremula_transaction** transaction) {
  return guarded([&] {
    if (db == nullptr || transaction == nullptr)
      return misuse("tremula_begin() needs db and transaction");
    const Lock lock(db->shared->engine().mutex);
    if (db->shared->engine().in_transaction)
      return fail(TREMULA_UNSUPPORTED, "a transaction is open on this thread already");
    *transaction = new tremula_transaction(db->shared);
    return succeed();
  });
}

tremula_status tremula_commit(tremula_transaction* transaction, uint64_t* ticket) {
  return end(transaction, "COMMIT", ticket);
}

tremula_status tremula_rollback(tremula_transaction* transaction) {
  if (transaction == nullptr) return succeed();
  return end(transaction, "ROLLBACK", nullptr);
}

tremula_status tremula_insert(tremula_transaction* transaction, const char* table,
                              const tremula_named* columns, size_t count, int64_t* generated) {
  return inside(transaction, table != nullptr, [&](Transaction& tx) {
    const std::int64_t key = tx.insert(table, named_of(columns, count));
    if (generated != nullptr) *generated = key;
  });
}

tremula_status tremula_upsert(tremula_transaction* transaction, const char* table,
                              const tremula_named* columns, size_t count, int64_t* generated) {
  return inside(transaction, table != nullptr, [&](Transaction& tx) {
    const std::int64_t key = tx.upsert(table, named_of(columns, count));
    if (generated != nullptr) *generated = key;
  });
}

tremula_status tremula_update(tremula_transaction* transaction, const char* table,
                              const tremula_value* key, size_t key_count,
                              const tremula_named* columns, size_t count, int32_t* found) {
  return inside(transaction, table != nullptr, [&](Transaction& tx) {
    const std::vector<ValueView> values = key_of(key, key_count);
    tell(found, tx.update(table, std::span(values), named_of(columns, count)));
  });
}

tremula_status tremula_erase(tremula_transaction* transaction, const char* table,
                             const tremula_value* key, size_t key_count, int32_t* found) {
  return inside(transaction, table != nullptr, [&](Transaction& tx) {
    const std::vector<ValueView> values = key_of(key, key_count);
    tell(found, tx.erase(table, std::span(values)));
  });
}

tremula_status tremula_get(tremula_transaction* transaction, const char* table,
                           const tremula_value* key, size_t key_count, const char* column,
                           tremula_value* value) {
  const bool has_all = table != nullptr && column != nullptr && value != nullptr;
  return inside(transaction, has_all, [&](Transaction& tx) {
    const std::vector<ValueView> values = key_of(key, key_count);
    transaction->value = tx.get(table, std::span(values), column);
    *value = value_for(transaction->value);
  });
}

tremula_status tremula_execute(tremula_transaction* transaction, const char* statement,
                               const tremula_named* parameters, size_t count, uint64_t* rows) {
  return inside(transaction, statement != nullptr, [&](Transaction& tx) {
    const Written written = tx.execute(statement, named_of(parameters, count));
    if (rows != nullptr) *rows = written.rows;
  });
}
