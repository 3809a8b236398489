#include "tests/persist/order_model.h"

#include <doctest/doctest.h>

#include "core/base/bytes.h"
#include "core/triples/commit_record.h"
#include "core/triples/value_ops.h"
#include "persist/orderer.h"

namespace tremula::persist_test {

using crdt::RowImage;

namespace {

bool same_cells(const RowImage& a, const RowImage& b) {
  if (a.cells().size() != b.cells().size()) return false;
  for (std::size_t i = 0; i < a.cells().size(); ++i) {
    const auto& left = a.cells()[i];
    const auto& right = b.cells()[i];
    if (left.attr != right.attr || !triples::identical(left.value.value(), right.value.value()))
      return false;
  }
  return true;
}

}  // namespace

bool same_rows(const Rows& a, const Rows& b) {
  const auto skip_dead = [](auto& at, const Rows& rows) {
    while (at != rows.end() && !at->second.is_alive) ++at;
  };
  auto left = a.begin();
  auto right = b.begin();
  for (;; ++left, ++right) {
    skip_dead(left, a);
    skip_dead(right, b);
    if (left == a.end() || right == b.end()) return left == a.end() && right == b.end();
    if (left->first != right->first || !same_cells(left->second, right->second)) return false;
  }
}

std::string describe(const Rows& rows) {
  std::string text;
  for (const auto& [name, row] : rows) {
    if (!row.is_alive) continue;
    text += std::to_string(static_cast<std::uint32_t>(name.first)) + "/";
    for (const char byte : name.second) text += std::to_string(static_cast<unsigned char>(byte));
    text += " born " + std::to_string(row.birth) + ":";
    for (const auto& cell : row.cells()) {
      text += " " + std::to_string(static_cast<std::uint32_t>(cell.attr)) + "=";
      triples::print_json(cell.value.value(), text);
    }
    text += "\n";
  }
  return text;
}

void apply_effect(Rows& rows, std::string_view record, std::uint64_t version) {
  triples::CommitReader reader(record);
  triples::WrittenRow row;
  while (reader.next(row).value()) {
    if (row.type == triples::kProcessType) continue;
    crdt::apply_effect(rows[{row.type, std::string(row.key)}], row, version);
  }
}

std::uint64_t acknowledged_in(std::string_view record, std::uint64_t process) {
  std::string key;
  base::put_u64(key, process);
  triples::CommitReader reader(record);
  triples::WrittenRow row;
  while (reader.next(row).value()) {
    if (row.type != triples::kProcessType || row.key != key) continue;
    for (const triples::WrittenCell& cell : row.cells) {
      if (cell.attr == persist::kNumberAttr) return static_cast<std::uint64_t>(cell.value.integer);
    }
  }
  return 0;
}

void redo(Rows& rows, std::string_view bytes, const OrderedAs& ordered_as, std::uint64_t now) {
  const auto submission = crdt::decode_submission(bytes);
  REQUIRE(submission.ok());
  crdt::IntentReader reader(submission.value().intents);
  crdt::IntentRow row;
  while (reader.next(row).value()) {
    crdt::Ground ground{.seen = submission.value().seen, .own_insert = 0, .now = now};
    if (row.own_insert > 0) {
      const auto ordered = ordered_as.find(row.own_insert);
      ground.own_insert = ordered == ordered_as.end() ? now : ordered->second;
    }
    (void)crdt::rebase(rows[{row.type, std::string(row.key)}], row, ground);
  }
}

Rows ProcessModel::visible() const {
  Rows rows = rows_;
  for (const Pending& each : pending_)
    redo(rows, each.submission, ordered_as_, crdt::kPendingVersion);
  return rows;
}

std::uint64_t ProcessModel::own_insert(const RowName& name) const {
  std::uint64_t newest = 0;
  for (const Pending& each : pending_) {
    const auto submission = crdt::decode_submission(each.submission);
    crdt::IntentReader reader(submission.value().intents);
    crdt::IntentRow row;
    while (reader.next(row).value()) {
      if (row.kind == crdt::IntentKind::kPut && row.type == name.first && row.key == name.second)
        newest = each.number;
    }
  }
  return newest;
}

std::uint64_t ProcessModel::commit_locally(std::string_view intents) {
  const std::uint64_t number = acknowledged_ + pending_.size() + 1;
  pending_.push_back(
      {number, crdt::encode_submission(
                   {.seen = base_, .acknowledged = acknowledged_, .intents = intents})});
  return number;
}

void ProcessModel::take_back() { pending_.pop_back(); }

bool ProcessModel::read(std::string_view record) {
  ++base_;
  apply_effect(rows_, record, base_);
  const std::uint64_t number = acknowledged_in(record, id_);
  if (number == 0) return false;
  REQUIRE(!pending_.empty());
  REQUIRE(pending_.front().number == number);  // none left out, none twice
  pending_.pop_front();
  acknowledged_ = number;
  ordered_as_[number] = base_;
  return true;
}

}  // namespace tremula::persist_test
