#include "tests/dataflow/operator_harness.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "core/triples/key_encoding.h"
#include "lang/treeql/statement.h"
#include "tests/property/json_document.h"

namespace tremula::dataflow {

using property::Document;
using triples::AttrId;
using triples::ColumnIndex;
using triples::Slot;
using triples::TypeId;
using triples::Value;

namespace {

constexpr const char* kSchema = R"(
TABLE a = 1 ( k INT = 1 KEY, n INT = 2, m INT = 3, t TEXT = 4 );
TABLE b = 2 ( k INT = 1 KEY, n INT = 2, m INT = 3, t TEXT = 4 );
TABLE c = 3 ( k INT = 1 KEY, n INT = 2, m INT = 3, t TEXT = 4 );
)";
constexpr std::string_view kColumns = "knmt";

Document parsed(const std::string& json) {
  Document document;
  if (!property::parse_document(json, document)) FAIL("not JSON: " << json);
  return document;
}

std::string short_text(const Document& document) {
  if (document.kind == Document::Kind::kLeaf) {
    if (document.text == "null") return "_";
    return document.text[0] == '"' ? property::string_of(document) : document.text;
  }
  const bool object = document.kind == Document::Kind::kObject;
  std::vector<std::string> items;
  for (std::size_t i = 0; i < document.items.size(); ++i) {
    if (!object || document.keys[i] != "_") items.push_back(short_text(document.items[i]));
  }
  if (object && items.size() == 1) return items[0];
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : " ") + item;
  return object ? "(" + text + ")" : "[" + text + "]";
}

std::string short_text(std::string_view json) { return short_text(parsed(std::string(json))); }

std::string without_slash(std::string_view path) {
  return std::string(path.substr(path.empty() ? 0 : 1));
}

// Changes in place that follow each other stand in the order of their paths: the order among them
// says nothing.
std::string short_text(ChangeList list) {
  std::vector<Change> changes(list.begin(), list.end());
  const auto is_replace = [](const Change& c) { return c.kind == ChangeKind::kReplace; };
  for (auto begin = changes.begin(); begin != changes.end();) {
    begin = std::find_if(begin, changes.end(), is_replace);
    const auto end = std::find_if_not(begin, changes.end(), is_replace);
    std::sort(begin, end, [](const Change& x, const Change& y) { return x.path < y.path; });
    begin = end;
  }
  std::string text;
  for (const Change& c : changes) {
    if (!text.empty()) text += ' ';
    switch (c.kind) {
      case ChangeKind::kAdd: text += "+" + without_slash(c.path) + "=" + short_text(c.value); break;
      case ChangeKind::kRemove: text += "-" + without_slash(c.path); break;
      case ChangeKind::kMove: text += without_slash(c.from) + ">" + without_slash(c.path); break;
      case ChangeKind::kReplace: text += without_slash(c.path) + "=" + short_text(c.value); break;
    }
  }
  return text;
}

// The change as the operation of a patch.
Document operation(const Change& c) {
  std::string text = "[{\"op\":\"";
  switch (c.kind) {
    case ChangeKind::kAdd: text += "add"; break;
    case ChangeKind::kRemove: text += "remove"; break;
    case ChangeKind::kMove: text += "move\",\"from\":\"" + std::string(c.from); break;
    case ChangeKind::kReplace: text += "replace"; break;
  }
  text += "\",\"path\":\"" + std::string(c.path) + "\"";
  if (c.kind == ChangeKind::kAdd || c.kind == ChangeKind::kReplace)
    text += ",\"value\":" + std::string(c.value);
  return parsed(text + "}]");
}

// What stands at a path, or null.
const Document* at_path(const Document& document, std::string_view path) {
  const Document* at = &document;
  for (std::size_t begin = 0; at != nullptr && begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin + 1), path.size());
    const std::string part(path.substr(begin + 1, end - begin - 1));
    if (at->kind == Document::Kind::kArray) {
      const std::size_t index = std::stoul(part);
      at = index < at->items.size() ? &at->items[index] : nullptr;
    } else {
      at = property::member(*at, part);
    }
    begin = end;
  }
  return at;
}

// "5,_,x" of a write: what stands between the commas.
std::vector<std::string_view> cells(std::string_view list) {
  std::vector<std::string_view> result;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    result.push_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return result;
}

Value cell_value(char column, std::string_view cell) {
  if (cell == "_") return Value::missing();
  return column == 't' ? Value::text_of(cell) : Value::int_of(std::stoll(std::string(cell)));
}

}  // namespace

OperatorHarness::OperatorHarness(std::vector<std::string> selects) : empty_(TypeId{99}) {
  auto script = treeql::Script::open(kSchema);
  REQUIRE(script.ok());
  for (std::unique_ptr<lsm::RowTable>& rows : tables_) {
    auto statement = script.value().next(catalog_);
    REQUIRE(statement.ok());
    const auto& table = std::get<treeql::DeclareTable>(statement.value()->body).table;
    catalog_.put(table);
    rows = std::make_unique<lsm::RowTable>(table.type);
    for (const triples::ColumnDef& column : table.columns) rows->declare(column);
    rows->seal();
    rows->settle();
  }
  arrangements_ = std::make_unique<ArrangementStore>(*this);
  graph_ = std::make_unique<Graph>(*this, *arrangements_);
  for (const std::string& select : selects) open(select);
}

OperatorHarness::~OperatorHarness() {
  views_.clear();  // before the graph
}

lsm::RowTable& OperatorHarness::rows_of(char table) {
  REQUIRE((table >= 'a' && table <= 'c'));
  return *tables_[static_cast<std::size_t>(table - 'a')];
}

const triples::Relation* OperatorHarness::table(TypeId type) {
  const auto number = static_cast<std::size_t>(type);
  return number <= tables_.size() ? tables_[number - 1].get() : &empty_;
}

ColumnIndex OperatorHarness::column(TypeId type, AttrId attr) {
  const auto number = static_cast<std::size_t>(type);
  return (number <= tables_.size() ? *tables_[number - 1] : empty_).column(attr);
}

std::vector<ColumnIndex> OperatorHarness::key_columns(TypeId type) {
  return {column(type, AttrId{1})};
}

Slot OperatorHarness::find(TypeId type, std::string_view key) {
  return static_cast<const lsm::RowTable*>(table(type))->find(key);
}

Select OperatorHarness::bind(const std::string& text) const {
  auto script = treeql::Script::open(text);
  REQUIRE(script.ok());
  auto statement = script.value().next(catalog_);
  if (!statement.ok()) FAIL(treeql::format_error(statement.error(), text));
  return std::move(std::get<treeql::Query>(statement.value()->body).select);
}

std::string OperatorHarness::fresh(const Select& select) {
  Graph graph(*this, *arrangements_, Graph::Life::kOnce);
  auto view = graph.open(select, {});
  REQUIRE(view.ok());
  std::string text;
  view.value().print(text);
  return text;
}

std::string OperatorHarness::once(const std::string& select) {
  return short_text(fresh(bind(select)));
}

void OperatorHarness::open(const std::string& select) {
  script_ += "\n  open " + select;
  Kept kept{select, bind(select), nullptr, ""};
  auto view = graph_->open(kept.select, {});
  REQUIRE(view.ok());
  kept.view = std::make_unique<View>(std::move(view).value());
  kept.view->print(kept.print);
  require(kept.print == fresh(kept.select), "a view begins as the select run once", kept.print);
  views_.push_back(std::move(kept));
}

void OperatorHarness::close(std::size_t view) {
  script_ += "\n  close " + std::to_string(view);
  views_[view].view.reset();
}

void OperatorHarness::declare_index(std::string_view table, std::string_view column) {
  const auto attr = static_cast<std::uint32_t>(kColumns.find(column)) + 1;
  arrangements_->declare_index(rows_of(table[0]).type(), AttrId{attr});
}

std::string OperatorHarness::rows(std::size_t view) const { return short_text(views_[view].print); }

// One word of a commit: [+|-]TABLE KEY ["(" cells ")"].
void OperatorHarness::write_row(std::string_view word) {
  const bool insert = word[0] == '+', erase = word[0] == '-';
  if (insert || erase) word.remove_prefix(1);
  lsm::RowTable& rows = rows_of(word[0]);
  const std::size_t open = std::min(word.find('('), word.size());
  const Value key = cell_value('k', word.substr(1, open - 1));
  std::string encoded;
  triples::encode_ordered(key, encoded);
  Slot slot = rows.find(encoded);
  const bool there = slot != triples::kNoSlot && rows.exists(slot, triples::Side::kNew);
  rows.begin_statement();
  if (erase) {
    if (there) rows.erase(slot);
    return;
  }
  if (insert && there) FAIL("inserted twice: " << word << script_);
  if (!there) {
    slot = rows.insert(encoded);
    rows.write(slot, rows.column(AttrId{1}), key);
  }
  if (open == word.size()) return;
  std::size_t column = 1;
  for (std::string_view cell : cells(word.substr(open + 1, word.size() - open - 2))) {
    const auto attr = static_cast<std::uint32_t>(++column);
    if (cell != ".")
      rows.write(slot, rows.column(AttrId{attr}), cell_value(kColumns[attr - 1], cell));
  }
}

void OperatorHarness::write(std::string_view writes) {
  script_ += "\n  " + std::string(writes);
  while (!writes.empty()) {
    const std::size_t end = std::min(writes.find(' '), writes.size());
    if (end > 0) write_row(writes.substr(0, end));
    writes.remove_prefix(std::min(end + 1, writes.size()));
  }
}

void OperatorHarness::require(bool held, const std::string& what, const std::string& got,
                              const std::string& expected) {
  if (held) return;
  lawful_ = false;
  FAIL_CHECK(what << "\n  got      " << got << "\n  expected " << expected
                  << "\nscript:" << script_);
}

// The changes lead from the print before to the print now, and say what they replace.
void OperatorHarness::check_changes(Kept& kept, ChangeList changes) {
  std::string now;
  kept.view->print(now);
  const std::string patch = short_text(changes);
  const std::string of = " of " + kept.text + " (changes " + patch + ")";
  require(changes.empty() == (now == kept.print), "changes only where the print changes" + of, now,
          kept.print);
  Document document = parsed(kept.print);
  for (const Change& change : changes) {
    const bool replaces = change.kind == ChangeKind::kRemove || change.kind == ChangeKind::kReplace;
    const Document* old_value = replaces ? at_path(document, change.path) : nullptr;
    if (old_value != nullptr)
      require(old_value->print() == change.old_value, "old values" + of,
              std::string(change.old_value), old_value->print());
    const std::string wrong = property::apply_patch(document, operation(change));
    require(wrong.empty(), "operations that can be applied" + of, wrong);
  }
  require(document.print() == now, "the patch leads to the new print" + of, document.print(), now);
  require(kept.view->row_count() == parsed(now).items.size(), "the number of rows" + of, now);
  kept.print = now;
}

void OperatorHarness::settle() {
  graph_->settle();
  arrangements_->settle();
  for (const auto& rows : tables_) {
    rows->settle();
    rows->check_invariants();
  }
}

std::string OperatorHarness::commit(std::string_view writes) {
  write(writes);
  std::vector<std::string> inside;  // read before the commit
  for (const Kept& kept : views_) inside.push_back(kept.view ? fresh(kept.select) : "");
  for (const auto& rows : tables_) rows->seal();
  const std::span<View* const> touched = graph_->step();
  base::Arena texts;
  std::string result;
  const char* between = "";
  for (std::size_t i = 0; i < views_.size(); ++i) {
    Kept& kept = views_[i];
    if (!kept.view) continue;
    ChangeList changes;
    if (std::find(touched.begin(), touched.end(), kept.view.get()) != touched.end()) {
      const bool first = i % 2 == 0;  // whichever way is asked first
      const ChangeList with_first = kept.view->changes(first, texts);
      const ChangeList with_second = kept.view->changes(!first, texts);
      changes = first ? with_first : with_second;
      require(short_text(with_first) == short_text(with_second),
              "the same changes with and without old values of " + kept.text);
    }
    check_changes(kept, changes);
    require(kept.print == inside[i], "the result read inside the transaction of " + kept.text,
            kept.print, inside[i]);
    require(kept.print == fresh(kept.select), "the result run afresh", kept.print,
            fresh(kept.select));
    result += between + short_text(changes);
    between = " | ";
  }
  settle();
  for (const Kept& kept : views_) {
    if (!kept.view) continue;
    std::string now;
    kept.view->print(now);
    require(now == kept.print, "settling changes nothing in " + kept.text, now, kept.print);
  }
  return result;
}

void OperatorHarness::roll_back(std::string_view writes) {
  write(writes);
  script_ += " (rolled back)";
  for (const Kept& kept : views_) {
    if (kept.view) fresh(kept.select);
  }
  arrangements_->rollback();
  for (const auto& rows : tables_) {
    rows->rollback();
    rows->check_invariants();
  }
  for (const Kept& kept : views_) {
    if (!kept.view) continue;
    const std::string now = fresh(kept.select);
    require(now == kept.print, "a rollback brings back " + kept.text, now, kept.print);
  }
}

std::string random_writes(Rng& rng, std::string_view tables) {
  static const std::vector<std::string> kNumbers = {"_", "0", "1", "2", "3", "."};
  static const std::vector<std::string> kTexts = {"_", "x", "y", "Y", "."};
  std::string text;
  for (int count = rng.between(1, 4); count > 0; --count) {
    const char table = tables[static_cast<std::size_t>(rng.below(static_cast<int>(tables.size())))];
    const std::string row = table + std::to_string(rng.below(6));
    const bool erase = rng.chance(35);
    if (erase) text += "-" + row + " ";
    if (erase && rng.chance(60)) continue;
    text += row + "(" + rng.pick(kNumbers) + "," + rng.pick(kNumbers) + "," + rng.pick(kTexts);
    text += ") ";
  }
  return text;
}

void check_law(std::string_view tables, const std::vector<std::string>& selects, int seeds) {
  for (int seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    Rng rng(static_cast<std::uint64_t>(seed));
    OperatorHarness harness;
    if (rng.chance(30)) harness.declare_index(tables.substr(0, 1), "n");
    for (int i = rng.below(4); i > 0; --i) harness.commit(random_writes(rng, tables));
    for (int i = rng.between(1, 3); i > 0; --i) harness.open(rng.pick(selects));
    for (int i = 0; i < 8 && harness.lawful(); ++i) {
      if (rng.chance(10)) harness.roll_back(random_writes(rng, tables));
      if (i == 5) harness.close(0);
      if (i == 5 && rng.chance(50)) harness.open(rng.pick(selects));
      harness.commit(random_writes(rng, tables));
    }
    if (!harness.lawful()) return;
    for (std::size_t view = 1; view < harness.view_count(); ++view) harness.close(view);
    const GraphStats stats = harness.stats();
    REQUIRE(stats.templates + stats.instances + stats.views == 0);
  }
}

}  // namespace tremula::dataflow
