#include "db/subscriptions.h"

#include <charconv>
#include <exception>
#include <utility>

#include "core/base/check.h"
#include "core/triples/value_ops.h"
#include "db/engine.h"

namespace tremula::db {

namespace {

constexpr std::size_t kShown = 8;                  // lists that are kept as listeners see them
constexpr std::size_t kKeptBytesMax = 256 * 1024;  // of memory that outlives a delivery

// The number that a pointer ends in, or -1: a row's place, unless a property has such a name.
std::int64_t trailing_index(std::string_view path) {
  const std::string_view last = path.substr(path.rfind('/') + 1);
  std::int64_t index = -1;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), index);
  return error == std::errc() && end == last.data() + last.size() ? index : -1;
}

// Most texts of most changes are empty, and were so in the change that stood here before.
void show_text(std::string_view from, std::string& to) {
  if (!from.empty() || !to.empty()) to = from;
}

void show_change(const dataflow::Change& from, Change& to) {
  to.kind = static_cast<ChangeKind>(from.kind);
  to.index = trailing_index(from.path);
  show_text(from.path, to.path);
  show_text(from.from, to.from);
  show_text(from.value, to.new_value);
  show_text(from.old_value, to.old_value);
  show_text(from.key, to.key);
}

std::size_t text_bytes(const dataflow::Change& change) {
  return change.path.size() + change.from.size() + change.value.size() + change.old_value.size() +
         change.key.size();
}

static_assert(static_cast<int>(ChangeKind::kReplace) ==
              static_cast<int>(dataflow::ChangeKind::kReplace));
static_assert(static_cast<int>(ChangeKind::kMove) == static_cast<int>(dataflow::ChangeKind::kMove));

}  // namespace

// --- Listening ---

Listening::Listening(Engine& on, dataflow::View view, Listener listener, DeltaDetail detail)
    : View(std::move(view)), engine_(&on), listener_(std::move(listener)) {
  mark(detail == DeltaDetail::kOldValues);
  ++engine_->subscriptions.size_;
}

void Listening::detach() {
  if (engine_ == nullptr) return;
  --engine_->subscriptions.size_;
  engine_ = nullptr;
  View::end();
}

// --- Subscriptions ---

Subscriptions::Subscriptions() : shown_(kShown) {}
Subscriptions::~Subscriptions() { TREMULA_ASSERT(!delivering_); }

void Subscriptions::end_all(dataflow::Graph& graph) {
  for (dataflow::View* view : graph.views()) static_cast<Listening*>(view)->detach();
}

Subscriptions::Batch& Subscriptions::batch_of(std::uint64_t commit) {
  if (pending_.empty() || pending_.back()->commit != commit) {
    if (spare_.empty()) spare_.push_back(std::make_unique<Batch>());
    pending_.push_back(std::move(spare_.back()));
    spare_.pop_back();
    pending_.back()->commit = commit;
  }
  return *pending_.back();
}

void Subscriptions::give_back(std::unique_ptr<Batch> batch) {
  if (batch->texts.bytes_reserved() > kKeptBytesMax || !spare_.empty()) return;
  batch->texts.clear();
  batch->entries.clear();
  spare_.push_back(std::move(batch));
}

void Subscriptions::collect(dataflow::View& view, std::uint64_t commit) {
  auto& listening = static_cast<Listening&>(view);
  Batch& batch = batch_of(commit);
  const dataflow::ChangeList changes =
      view.changes(listening.is_marked(), batch.texts);
  if (changes.empty()) return;
  Batch::Entry& entry = batch.entries.emplace_back();
  entry.listening = &listening;
  entry.changes = changes;
}

// Borrowed: valid until the next call.
std::span<const Change> Subscriptions::show(dataflow::ChangeList changes) {
  const auto address = reinterpret_cast<std::uintptr_t>(changes.data());
  Shown& shown = shown_[address / sizeof(dataflow::Change) % kShown];
  if (shown.list != changes.data()) {
    shown.list = changes.data();
    // Texts are written over those of before, into memory that is there already.
    if (shown.changes.size() < changes.size()) shown.changes.resize(changes.size());
    for (std::size_t i = 0; i < changes.size(); ++i) {
      show_change(changes[i], shown.changes[i]);
      shown.bytes += text_bytes(changes[i]) + sizeof(Change);
    }
  }
  return {shown.changes.data(), changes.size()};
}

void Subscriptions::deliver() {
  if (delivering_ || pending_.empty()) return;
  delivering_ = true;
  std::exception_ptr first;
  while (!pending_.empty()) {
    std::unique_ptr<Batch> batch = std::move(pending_.front());
    pending_.pop_front();
    for (const Batch::Entry& entry : batch->entries) {
      if (entry.listening->engine_ == nullptr) continue;
      try {
        entry.listening->listener_(Delta(show(entry.changes), batch->commit));
      } catch (...) {
        if (!first) first = std::current_exception();
      }
    }
    for (Shown& shown : shown_) {
      shown.list = nullptr;
      if (shown.bytes > kKeptBytesMax) shown = {};
      shown.bytes = 0;
    }
    give_back(std::move(batch));
  }
  delivering_ = false;
  ended_.clear();
  if (first) std::rethrow_exception(first);
}

std::size_t Subscriptions::memory_bytes() const {
  std::size_t bytes = sizeof(*this) + size_ * sizeof(Listening);
  for (const auto& batch : spare_) bytes += sizeof(Batch) + batch->texts.bytes_reserved();
  return bytes;
}

void print_patch(std::span<const Change> changes, std::string& out) {
  constexpr std::string_view kOps[] = {"add", "remove", "move", "replace"};
  out += '[';
  for (const Change& change : changes) {
    if (out.back() != '[') out += ',';
    out += R"({"op":")";
    out += kOps[static_cast<std::size_t>(change.kind)];
    out += '"';
    if (change.kind == ChangeKind::kMove) {
      out += R"(,"from":)";
      triples::print_json_string(change.from, out);
    }
    out += R"(,"path":)";
    triples::print_json_string(change.path, out);
    if (change.kind == ChangeKind::kAdd || change.kind == ChangeKind::kReplace) {
      out += R"(,"value":)";
      out += change.new_value;
    }
    out += '}';
  }
  out += ']';
}

}  // namespace tremula::db
