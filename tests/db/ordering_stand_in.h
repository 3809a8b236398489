// OrderingStandIn: an order of transactions in memory, and members that are told of it when a test
// says so. It does to rows what the persister does, by core/crdt/intent.h alone.
//
//   member --submit--> its queue --order(member)--> ordered: [effects][effects]... --tell--> all
//
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/crdt/intent.h"
#include "core/triples/catalog.h"
#include "core/triples/commit_record.h"
#include "db/membership.h"

namespace tremula::test {

class OrderingStandIn {
 public:
  class Member final : public db::Membership {
   public:
    Member(OrderingStandIn& order, std::uint64_t process) : order_(order), process_(process) {}
    std::uint64_t process() const override { return process_; }
    std::uint64_t ordered() const override { return told_; }
    base::Result<persist::LogTail::Read> next(persist::LogCommit& commit) override {
      if (read_ >= told_) return persist::LogTail::Read::kEnd;
      commit.record = order_.ordered_[read_];
      commit.version = ++read_;
      return persist::LogTail::Read::kCommit;
    }
    base::Result<persist::FollowedBase> restart() override {
      return base::Error{base::ErrorCode::kUnsupported, "an order in memory has no files"};
    }
    base::Result<void> submit(std::uint64_t number, std::string_view submission) override {
      TREMULA_ASSERT(number == last_ + 1);
      last_ = number;
      refused_ = 0;
      queue_.emplace_back(submission);
      return {};
    }
    base::Result<void> wait_ordered(std::uint64_t number) override {
      TREMULA_ASSERT(number == last_);
      while (!queue_.empty()) {
        if (const auto ordered = order_.order(*this); !ordered.ok()) {
          --last_;
          refused_ = number;
          tell();
          return ordered.error();
        }
      }
      tell();
      return {};
    }
    bool is_refused(std::uint64_t number) const override { return refused_ == number; }
    void tell() { told_ = order_.ordered_.size(); }
    // Of everything up to a version.
    void tell(std::uint64_t version) { told_ = std::max(told_, version); }
    bool waits() const { return !queue_.empty(); }

   private:
    friend class OrderingStandIn;
    OrderingStandIn& order_;
    const std::uint64_t process_;
    std::deque<std::string> queue_;
    std::uint64_t ordered_number_ = 0;
    std::uint64_t last_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t told_ = 0;
    std::uint64_t read_ = 0;
    std::map<std::uint64_t, std::uint64_t> ordered_as_;
  };

  std::uint64_t version() const { return ordered_.size(); }
  // An effect that no member submitted.
  void put(std::string_view effect) { ordered_.emplace_back(effect); }

  // The member's first transaction that waits is the next of all.
  base::Result<void> order(Member& member) {
    TREMULA_ASSERT(!member.queue_.empty());
    const std::string bytes = std::move(member.queue_.front());
    member.queue_.pop_front();
    const crdt::Submission submission = crdt::decode_submission(bytes).value();
    std::vector<crdt::IntentRow> rows;
    crdt::IntentReader reader(submission.intents);
    for (crdt::IntentRow row; reader.next(row).value();) rows.push_back(row);
    for (const crdt::IntentRow& row : rows) {
      if (is_of_catalog(row.type) && schema_version_ > submission.seen) {
        return base::Error{base::ErrorCode::kSchemaConflict, "another process changed the schema"};
      }
    }
    const std::uint64_t now = version() + 1;
    const std::uint64_t number = ++member.ordered_number_;
    triples::CommitWriter effect;
    for (const crdt::IntentRow& row : rows) write(member, submission, row, now, effect);
    std::string key;
    base::put_u64(key, member.process_);
    effect.begin_row(triples::kProcessType, 0,
                     number == 1 ? triples::Fate::kInserted : triples::Fate::kUpdated, key, 1);
    effect.cell(triples::AttrId{1}, triples::Value::int_of(static_cast<std::int64_t>(number)));
    member.ordered_as_[number] = now;
    ordered_.emplace_back(effect.view());
    return {};
  }

 private:
  struct Row {
    crdt::RowImage image;
    triples::Slot slot = triples::kNoSlot;
  };

  static bool is_of_catalog(triples::TypeId type) {
    return type >= triples::kCatalogTableType && type < triples::kTickType;
  }

  void write(const Member& member, const crdt::Submission& submission, const crdt::IntentRow& row,
             std::uint64_t now, triples::CommitWriter& effect) {
    Row& standing = rows_[{row.type, std::string(row.key)}];
    const crdt::RowImage before = standing.image;
    crdt::Ground ground;
    ground.seen = submission.seen;
    if (row.own_insert != 0) ground.own_insert = member.ordered_as_.at(row.own_insert);
    ground.now = now;
    if (!crdt::rebase(standing.image, row, ground)) return;
    if (is_of_catalog(row.type)) schema_version_ = now;
    const crdt::RowImage& after = standing.image;
    if (!after.is_alive) {
      effect.begin_row(row.type, standing.slot, triples::Fate::kDeleted, row.key, 0);
      return;
    }
    if (!before.is_alive) standing.slot = slots_[row.type]++;
    std::vector<std::pair<triples::AttrId, triples::Value>> cells;
    for (const crdt::RowImage::Cell& cell : after.cells()) {
      if (!triples::identical(before.get(cell.attr), cell.value.value())) {
        cells.emplace_back(cell.attr, cell.value.value());
      }
    }
    for (const crdt::RowImage::Cell& cell : before.cells()) {
      if (after.get(cell.attr).is_missing()) {
        cells.emplace_back(cell.attr, triples::Value::missing());
      }
    }
    effect.begin_row(row.type, standing.slot,
                     before.is_alive ? triples::Fate::kUpdated : triples::Fate::kInserted, row.key,
                     cells.size());
    for (const auto& [attr, value] : cells) effect.cell(attr, value);
  }

  std::vector<std::string> ordered_;  // effects, by version - 1
  std::map<std::pair<triples::TypeId, std::string>, Row> rows_;
  std::map<triples::TypeId, triples::Slot> slots_;  // the next ones
  std::uint64_t schema_version_ = 0;
};

}  // namespace tremula::test
