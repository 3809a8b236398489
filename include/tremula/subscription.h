// Subscription: a select that stays alive. It ends with its handle.
//
//   commit -> the result changed -> callback(Delta)     on the committing thread
//
// Thread: any; see database.h. A handle may outlive its database, and is then ended.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tremula/error.h"
#include "tremula/export.h"

namespace tremula {

// What happened to one place of a result tree.
enum class ChangeKind : std::uint8_t {
  kAdd,      // a row entered an array: `value` at `path`
  kRemove,   // a row left: at `path`
  kMove,     // a row changed its place: from `from` to `path`
  kReplace,  // the value at `path` is now `value`
};

// One change of a result tree; in their order they are an RFC 6902 JSON Patch.
struct Change {
  ChangeKind kind = ChangeKind::kReplace;  // tells which of the others are set
  std::string path;         // JSON pointer into the result as it is when the change is applied
  std::string from;         // of kMove
  std::string new_value;    // JSON text: of kAdd and kReplace
  std::string old_value;    // JSON text: of kRemove and kReplace; with DeltaDetail::kOldValues only
  std::string key;          // JSON array of the row's key values; with DeltaDetail::kOldValues only
  std::int64_t index = -1;  // the row's place in its array, if the path ends in one
};

// What one commit changed in one result. Never empty.  Borrowed: valid during the callback.
class TREMULA_API Delta {
 public:
  // In the order in which a patch applies them.
  std::span<const Change> changes() const { return changes_; }
  // The changes as the text of a JSON Patch: [{"op":"replace","path":"/0/Title","value":"x"}]
  std::string patch() const;
  // The number of the commit: ascending within the process, not a cursor.
  std::uint64_t version() const { return version_; }

  Delta(std::span<const Change> changes, std::uint64_t version)
      : changes_(changes), version_(version) {}

 private:
  std::span<const Change> changes_;
  std::uint64_t version_ = 0;
};

// How much a listener is told of each change.
enum class DeltaDetail : std::uint8_t {
  kPatch,      // what a patch needs
  kOldValues,  // also Change::old_value and Change::key
};

// How a plan is written.
enum class PlanFormat : std::uint8_t {
  kText,  // as EXPLAIN and EXPLAIN LIVE print it, an operator a line
  kDot,   // for Graphviz: `dot -Tsvg` draws it
};

// Hears of every commit that changes a result.
using Listener = std::function<void(const Delta&)>;

// The handle of a live select: it lives as long as this does.
class TREMULA_API Subscription {
 public:
  Subscription();  // an ended one
  ~Subscription();
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;

  // The result as of the latest commit, as a JSON array: right after subscribe() the snapshot that
  // the deltas build on.
  // Returns: "[]" once ended.
  std::string json() const;
  std::size_t row_count() const;
  // The operators with the rows and bytes they hold.
  std::string explain(PlanFormat format = PlanFormat::kText) const;
  bool active() const;
  // Nothing is heard any more, not even what is being delivered. Allowed in any callback.
  void end();

  struct TREMULA_LOCAL State;

 private:
  friend class Database;
  explicit Subscription(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tremula
