// OperatorHarness: three tables and live selects over them, to see what one operator makes of a
// commit and to hold it to its law.
//
//   commit("+a1(5) -b2 c3(7)") -> RowTables -step-> changes of each view -settle->
//                                     law: old print + changes = new print = the select run afresh
//
// Tables `a`, `b`, `c`, each (k INT KEY, n INT, m INT, t TEXT). A write is `+a1(5,6,x)`: row 1 of
// `a` enters with n, m, t (those left out are NULL); `-a1`: it leaves, if it is there;
// `a1(.,_)`: it is changed, n stays and m becomes NULL, or it enters if it isn't there.
// Results as short text: a row is its one value or `(1 x)`, an array `[1 2]`, NULL `_`; a change is
// `+0=1` add, `-0` remove, `0>2` move, `0/n=5` replace.
// Thread: one alone.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/dataflow/graph.h"
#include "core/lsm/row_table.h"
#include "core/triples/catalog.h"
#include "tests/property/rng.h"

namespace tremula::dataflow {

using property::Rng;

// A property that short text leaves out. With it rows are so long that no patch is shorter as a
// replace of the whole result.
inline const std::string kLong = "'a text that is long enough for its row to be told alone'";
inline const std::string kPad = ", " + kLong + " AS _";
inline const std::string kObjectPad = ", _: " + kLong;

class OperatorHarness : public TableSource {
 public:
  // Opens a view for each select.
  explicit OperatorHarness(std::vector<std::string> selects = {});
  ~OperatorHarness() override;

  // Begins to keep a select; views count from 0 in the order of their opening.
  void open(const std::string& select);
  void close(std::size_t view);  // the others keep their numbers
  void declare_index(std::string_view table, std::string_view column);
  // Writes of a transaction that commit() ends.
  void write(std::string_view writes);
  // Takes the writes as one transaction, checks the law for each view, and settles.
  // Returns: the changes of each view, in order, with " | " between views; closed ones left out.
  std::string commit(std::string_view writes);
  // Reads in the middle of the transaction, then undoes it.
  void roll_back(std::string_view writes);

  std::string rows(std::size_t view = 0) const;  // what the view holds
  std::string once(const std::string& select);   // the select run afresh
  GraphStats stats() const { return graph_->stats(); }
  bool lawful() const { return lawful_; }
  std::size_t view_count() const { return views_.size(); }

 private:
  struct Kept {
    std::string text;
    Select select;
    std::unique_ptr<View> view;  // null: closed
    std::string print;           // after the last commit
  };

  const triples::Relation* table(triples::TypeId type) override;
  triples::ColumnIndex column(triples::TypeId type, triples::AttrId attr) override;
  std::vector<triples::ColumnIndex> key_columns(triples::TypeId type) override;
  triples::Slot find(triples::TypeId type, std::string_view key) override;

  lsm::RowTable& rows_of(char table);
  Select bind(const std::string& select) const;
  std::string fresh(const Select& select);
  void write_row(std::string_view word);
  void require(bool held, const std::string& what, const std::string& got = "",
               const std::string& expected = "");
  void check_changes(Kept& kept, ChangeList changes);
  void settle();

  triples::Catalog catalog_;
  std::array<std::unique_ptr<lsm::RowTable>, 3> tables_;
  lsm::RowTable empty_;  // of any other number
  std::unique_ptr<ArrangementStore> arrangements_;
  std::unique_ptr<Graph> graph_;
  std::vector<Kept> views_;
  std::string script_;  // all that was done, for failures
  bool lawful_ = true;
};

// A transaction of up to four writes to the tables named, over few keys and values.
std::string random_writes(Rng& rng, std::string_view tables);

// For each seed: some of the selects over random rows, through random transactions, with views that
// open and close between them. Stops at the first seed that breaks the law.
void check_law(std::string_view tables, const std::vector<std::string>& selects, int seeds = 200);

}  // namespace tremula::dataflow
