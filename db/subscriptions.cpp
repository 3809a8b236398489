#include "db/subscriptions.h"

#include <charconv>
#include <utility>

#include "core/base/check.h"
#include "core/triples/value_ops.h"

namespace tremula::db {

namespace {

// The number that a pointer ends in, or -1: a row's place, unless a property has such a name.
std::int64_t trailing_index(std::string_view path) {
  const std::string_view last = path.substr(path.rfind('/') + 1);
  std::int64_t index = -1;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), index);
  return error == std::errc() && end == last.data() + last.size() ? index : -1;
}

Change to_face(const dataflow::Change& from) {
  Change change;
  change.kind = static_cast<ChangeKind>(from.kind);
  change.index = trailing_index(from.path);
  change.path = from.path;
  change.from = from.from;
  change.new_value = from.value;
  change.old_value = from.old_value;
  change.key = from.key;
  return change;
}

static_assert(static_cast<int>(ChangeKind::kReplace) ==
              static_cast<int>(dataflow::ChangeKind::kReplace));
static_assert(static_cast<int>(ChangeKind::kMove) == static_cast<int>(dataflow::ChangeKind::kMove));

}  // namespace

Subscriptions::~Subscriptions() { TREMULA_ASSERT(!delivering_); }

Listening* Subscriptions::add(std::unique_ptr<dataflow::View> view, Listener listener,
                              DeltaDetail detail) {
  auto listening = std::make_unique<Listening>();
  listening->view = std::move(view);
  listening->listener = std::move(listener);
  listening->detail = detail;
  Listening* borrowed = listening.get();
  listening_.insert(borrowed->view.get(), std::move(listening));
  return borrowed;
}

void Subscriptions::end(Listening* listening) {
  TREMULA_ASSERT(!listening->ended);
  listening->ended = true;
  const dataflow::View* view = listening->view.get();
  std::unique_ptr<Listening> held = std::move(*listening_.find(view));
  listening_.erase(view);
  listening->view.reset();
  // Its listener may be running, and pending deltas may name it: it goes when nothing does.
  if (delivering_ || !pending_.empty()) ended_.push_back(std::move(held));
}

void Subscriptions::collect(const dataflow::View& view, std::uint64_t commit) {
  const std::unique_ptr<Listening>* found = listening_.find(&view);
  TREMULA_ASSERT(found != nullptr);
  Listening& listening = **found;
  const dataflow::ChangeList changes =
      view.changes(listening.detail == DeltaDetail::kOldValues);
  if (changes->empty()) return;
  if (commit != converted_commit_) {
    converted_.clear();
    converted_commit_ = commit;
  }
  SharedChanges& converted = converted_[changes.get()];
  if (!converted) {
    auto made = std::make_shared<std::vector<Change>>();
    made->reserve(changes->size());
    for (const dataflow::Change& change : *changes) made->push_back(to_face(change));
    converted = std::move(made);
  }
  pending_.push_back({&listening, commit, converted});
}

void Subscriptions::deliver() {
  if (delivering_ || pending_.empty()) return;
  delivering_ = true;
  std::exception_ptr first;
  while (!pending_.empty()) {
    const Pending pending = std::move(pending_.front());
    pending_.pop_front();
    if (pending.listening->ended) continue;
    try {
      pending.listening->listener(Delta(*pending.changes, pending.commit));
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  }
  delivering_ = false;
  ended_.clear();
  if (first) std::rethrow_exception(first);
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
