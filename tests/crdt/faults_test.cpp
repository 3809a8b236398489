// Known faults of systems that merge replicas, each by name, told in a few steps.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/crdt/replica.h"

namespace tremula::crdt {
namespace {

using triples::MergeRule;
using triples::OwnedValue;
using triples::Value;
using Schema = std::map<std::uint32_t, std::vector<Column>>;

Schema music() {
  return {{1,
           {{"Name", 2, MergeRule::kLww},
            {"Best", 3, MergeRule::kMax},
            {"Least", 4, MergeRule::kMin},
            {"Plays", 5, MergeRule::kCounter, {}},
            {"Tags", 6, MergeRule::kSet}}}};
}

OwnedValue text(std::string_view s) { return OwnedValue(Value::text_of(s)); }
OwnedValue integer(std::int64_t i) { return OwnedValue(Value::int_of(i)); }
OwnedValue json(std::string_view s) { return OwnedValue(Value::json_of(s)); }
const OwnedValue null{Value::null()};

using Cells = std::vector<std::pair<std::string, OwnedValue>>;
Write insert(std::int64_t key, Cells cells = {}) {
  return {Write::Kind::kInsert, 1, key, std::move(cells)};
}
Write upsert(std::int64_t key, Cells cells = {}) {
  return {Write::Kind::kUpsert, 1, key, std::move(cells)};
}
Write update(std::int64_t key, Cells cells) {
  return {Write::Kind::kUpdate, 1, key, std::move(cells)};
}
Write erase(std::int64_t key) { return {Write::Kind::kDelete, 1, key, {}}; }

// Replicas A, B, C ... and what each has pulled of the others.
class Group {
 public:
  explicit Group(int size, const Schema& schema = music()) {
    for (int i = 0; i < size; ++i) {
      replicas_.emplace_back(site_of(static_cast<unsigned char>(i + 1)), schema);
    }
    cursors_.assign(replicas_.size(), std::vector<DbVersion>(replicas_.size()));
  }
  Replica& operator[](char name) { return replicas_[index(name)]; }
  // `to` merges what `from` has above the cursor between them.
  std::size_t pull(char to, char from) {
    DbVersion& cursor = cursors_[index(to)][index(from)];
    const std::size_t merged = (*this)[to].merge((*this)[from].changes(cursor));
    cursor = (*this)[from].db_version();
    return merged;
  }
  void exchange(char a, char b) {
    pull(a, b);
    pull(b, a);
  }
  void exchange_all() {
    for (std::size_t round = 0; round < replicas_.size(); ++round) {
      for (std::size_t i = 1; i < replicas_.size(); ++i) {
        exchange(static_cast<char>('A' + i - 1), static_cast<char>('A' + i));
      }
    }
    for (const Replica& replica : replicas_) {
      CHECK(replica.dump() == replicas_[0].dump());
      CHECK(replica.faults() == "");
    }
  }

 private:
  static std::size_t index(char name) { return static_cast<std::size_t>(name - 'A'); }
  std::vector<Replica> replicas_;
  std::vector<std::vector<DbVersion>> cursors_;
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("fault: a cursor that goes back") {
  Group group(2);
  for (int i = 1; i <= 5; ++i) group['A'].commit({upsert(1, {{"Name", integer(i)}})});
  group['B'].commit({insert(2)});
  const std::string old = group['A'].changes({});
  group.exchange('A', 'B');
  const DbVersion before = group['B'].db_version();
  CHECK(before == DbVersion{2});  // its own transaction and the merge, however high A's versions
  CHECK(group['B'].merge(old) == 0);
  CHECK(group['B'].db_version() == before);
  group['B'].commit({update(2, {{"Name", text("b")}})});
  CHECK(group['B'].db_version() == DbVersion{3});
  CHECK(group['B'].clock() == Version{6});  // newer than all that it has seen
}

TEST_CASE("fault: (db_version, seq) repeated, in a merge of what several replicas sent") {
  Group group(4);
  for (const char name : {'A', 'B', 'C'}) {
    group[name].commit({insert(name, {{"Name", text("x")}, {"Tags", json("[1,2]")}}), insert(1)});
  }
  for (const char from : {'A', 'B', 'C'}) group.pull('D', from);
  group['D'].commit({update(1, {{"Name", text("d")}, {"Plays", integer(3)}})});
  CHECK(group['D'].faults() == "");
  group.exchange_all();
}

TEST_CASE("fault: (site, version) no longer names the transaction that wrote, behind a relay") {
  Group group(3);
  group['C'].commit({insert(7)});
  group['C'].commit({insert(8)});
  const std::string made = group['A'].commit({insert(1, {{"Name", text("a")}})});
  group.pull('B', 'A');
  group.pull('C', 'B');
  std::string a;
  print_site(site_of(1), a);
  const std::string relayed = group['C'].changes({});
  CHECK(count(relayed, "\"version\":1,\"site\":\"" + a) == 2);  // the row and its name
  CHECK(count(made, "\"version\":1,\"site\":\"" + a) == 2);
  CHECK(count(relayed, "\"db_version\":3,") == 2);  // C's own third transaction
}

TEST_CASE("fault: a key change followed by an incremental pull leaves the old key behind") {
  Group group(2);
  group['A'].commit({insert(1, {{"Name", text("a")}, {"Plays", integer(2)}})});
  group.pull('B', 'A');
  group['A'].commit({erase(1), insert(2, {{"Name", text("a")}, {"Plays", integer(2)}})});
  group.pull('B', 'A');
  CHECK(group['B'].row(1) == "gone");
  CHECK(group['B'].row(2) == group['A'].row(2));
  group.exchange_all();
}

TEST_CASE("fault: a double delete while a third replica is offline") {
  Group group(3);
  group['A'].commit({insert(1, {{"Name", text("a")}})});
  group.exchange_all();
  group['A'].commit({erase(1)});
  group['B'].commit({erase(1)});
  group['C'].commit({update(1, {{"Name", text("late")}})});
  group['C'].commit({update(1, {{"Name", text("later")}})});
  group.exchange('A', 'B');
  CHECK(group['A'].dump() == group['B'].dump());
  group.exchange_all();
  CHECK(group['C'].row(1) == "gone");
}

TEST_CASE("fault: two deletes and one new life are not three lives") {
  Group group(2);
  group['A'].commit({insert(1)});
  group.exchange('A', 'B');
  group['A'].commit({erase(1)});
  group['A'].commit({insert(1, {{"Name", text("again")}})});
  group['B'].commit({erase(1)});
  group.exchange_all();
  CHECK(group['B'].row(1).starts_with("Name=\"again\""));
}

TEST_CASE("fault: holes in transactions, when a relay pulls between two of them") {
  Group group(3);
  group['A'].commit({insert(1, {{"Name", integer(1)}}), insert(2, {{"Name", integer(1)}})});
  group.pull('B', 'A');
  group['A'].commit({update(1, {{"Name", integer(2)}}), update(2, {{"Name", integer(2)}})});
  group['B'].commit({update(2, {{"Best", integer(9)}})});
  group.pull('C', 'B');
  CHECK(group['C'].row(1).substr(0, 6) == group['C'].row(2).substr(0, 6));
  group.pull('B', 'A');
  group.pull('C', 'B');
  CHECK(group['C'].row(1).starts_with("Name=2"));
  CHECK(group['C'].row(2).starts_with("Name=2"));
  group.exchange_all();
}

TEST_CASE("fault: a version reused after a rollback and a restart") {
  Group group(2);
  Replica& a = group['A'];
  a.commit({insert(1, {{"Name", text("one")}})});
  a.roll_back({update(1, {{"Name", text("never")}})});
  a.commit({update(1, {{"Name", text("two")}})});
  CHECK(a.clock() == Version{2});  // the rollback took none
  const std::string sent = a.changes({});
  // The highest version goes with the row that another replica deletes.
  group['B'].merge(sent);
  group['B'].commit({erase(1)});
  group.pull('A', 'B');
  a.restart();
  const std::string made = a.commit({insert(5)});
  CHECK(count(sent, "\"version\":3,") == 0);
  CHECK(count(made, "\"version\":1,") + count(made, "\"version\":2,") == 0);
  CHECK(a.clock() > Version{2});
}

TEST_CASE("fault: the clock forgets what a deletion swept away") {
  Group group(2);
  group['A'].commit({insert(1)});
  group.exchange('A', 'B');
  group['B'].commit({erase(1)});
  for (int i = 1; i <= 9; ++i) group['A'].commit({update(1, {{"Name", integer(i)}})});
  const Version before = group['A'].clock();
  group.pull('A', 'B');  // wins by its cl over all nine
  group['A'].restart();
  CHECK(group['A'].clock() > before);
}

TEST_CASE("fault: lost increments") {
  Group group(3);
  group['A'].commit({insert(1, {{"Plays", integer(10)}})});
  group.exchange_all();
  for (int i = 1; i <= 3; ++i) {
    for (const char name : {'A', 'B', 'C'}) {
      group[name].commit({update(1, {{"Plays", integer(10 + 5 * i)}})});
    }
  }
  const std::string file = group['B'].changes({});
  for (int again = 0; again < 3; ++again) group['A'].merge(file);
  group.exchange_all();
  CHECK(group['A'].row(1).find("Plays=55") != std::string::npos);
  group['C'].commit({update(1, {{"Plays", integer(54)}})});
  group.exchange_all();
  CHECK(group['A'].row(1).find("Plays=54") != std::string::npos);
}

TEST_CASE("fault: increments of an earlier life, or of an earlier insert, come back") {
  Group group(2);
  group['A'].commit({insert(1, {{"Plays", integer(10)}})});
  group.exchange_all();
  const std::string old = group['B'].changes({});
  group['A'].commit({erase(1)});
  group['B'].commit({update(1, {{"Plays", integer(17)}})});
  group['A'].commit({insert(1, {{"Plays", integer(1)}})});
  group.exchange_all();
  group['A'].merge(old);
  CHECK(group['A'].row(1).find("Plays=1 ") != std::string::npos);
  CHECK(group['B'].row(1).find("Plays=1 ") != std::string::npos);
}

TEST_CASE("fault: a restored or copied directory goes on under its old site id") {
  Group group(2);
  group['A'].commit({insert(1, {{"Plays", integer(10)}, {"Name", text("a")}})});
  group.exchange_all();
  Replica copy = group['A'];
  copy.take_new_site(site_of(9));
  copy.commit({update(1, {{"Plays", integer(11)}, {"Name", text("copy")}})});
  group['A'].commit({update(1, {{"Plays", integer(15)}, {"Name", text("a2")}})});
  // Both wrote version 2; the sites tell them apart, and no increment is lost.
  CHECK(copy.clock() == group['A'].clock());
  group['B'].merge(copy.changes({}));
  group.exchange_all();
  copy.merge(group['B'].changes({}));
  CHECK(copy.dump() == group['B'].dump());
  CHECK(copy.row(1).find("Plays=16") != std::string::npos);
}

TEST_CASE("fault: a copy that kept its site id, undetected, makes replicas differ for ever") {
  // Increments may be lost then, as docs say; but all replicas still read the same.
  Group group(2);
  group['A'].commit({insert(1)});
  Replica copy = group['A'];
  copy.commit({update(1, {{"Plays", integer(1)}, {"Name", integer(7)}, {"Tags", json("[1]")}})});
  group['A'].commit(
      {update(1, {{"Plays", integer(5)}, {"Name", text("a")}, {"Tags", json("[1]")}})});
  group['A'].commit({update(1, {{"Tags", json("[]")}})});
  group['B'].merge(copy.changes({}));
  group.exchange_all();
  copy.merge(group['A'].changes({}));
  CHECK(copy.dump() == group['B'].dump());
  CHECK(copy.row(1) == "Name=\"a\" Best=null Least=null Plays=5 Tags=[]");
}

TEST_CASE("fault: a COUNTER and a SET through a relay that hasn't declared them") {
  Schema knows_little = {{1, {{"Name", 2, MergeRule::kLww}}}};
  Replica a(site_of(1), music());
  Replica relay(site_of(2), knows_little);
  Replica stranger(site_of(3), {});
  Replica c(site_of(4), music());
  a.commit({insert(1, {{"Plays", integer(3)}, {"Tags", json("[\"x\"]")}, {"Best", integer(1)}})});
  c.commit({insert(1, {{"Plays", integer(4)}, {"Tags", json("[\"y\"]")}, {"Best", integer(2)}})});
  relay.merge(a.changes({}));
  CHECK(relay.row(1) == "Name=null");
  stranger.merge(relay.changes({}));
  stranger.merge(c.changes({}));
  c.merge(stranger.changes({}));
  CHECK(c.row(1) == "Name=null Best=2 Least=null Plays=7 Tags=[\"x\",\"y\"]");
  relay.merge(stranger.changes({}));
  CHECK(relay.dump() == c.dump());
  relay.declare(1, {"Plays", 5, MergeRule::kCounter, {}});
  CHECK(relay.row(1) == "Name=null Plays=7");
}

TEST_CASE("fault: one number under two rules mixes what they keep") {
  Replica a(site_of(1), {{1, {{"N", 2, MergeRule::kCounter, {}}}}});
  Replica b(site_of(2), {{1, {{"N", 2, MergeRule::kLww}}}});
  a.commit({insert(1, {{"N", integer(3)}})});
  b.commit({insert(1, {{"N", integer(50)}})});
  a.merge(b.changes({}));
  b.merge(a.changes({}));
  CHECK(a.row(1) == "N=3");
  CHECK(b.row(1) == "N=50");
  CHECK(a.dump() == b.dump());
}

TEST_CASE("fault: a rename on one side only") {
  Schema renamed = music();
  renamed[1][0].name = "Title";
  Replica a(site_of(1), music());
  Replica b(site_of(2), renamed);
  a.commit({insert(1, {{"Name", text("old")}})});
  b.merge(a.changes({}));
  CHECK(b.row(1).starts_with("Title=\"old\""));
  b.commit({update(1, {{"Title", text("new")}})});
  a.merge(b.changes({}));
  CHECK(a.row(1).starts_with("Name=\"new\""));
  CHECK(a.dump() == b.dump());
}

TEST_CASE("fault: an undeclared column and its later declaration part") {
  Group group(3);
  group['A'].commit({insert(1, {{"mood", text("blue")}})});
  group.exchange_all();
  group['B'].declare(1, {"mood", 8, MergeRule::kLww});
  group['B'].commit({update(1, {{"mood", text("red")}})});
  group['C'].commit({update(1, {{"mood", text("green")}})});
  group.pull('B', 'C');
  group.pull('A', 'B');
  CHECK(group['A'].row(1).ends_with("mood=\"blue\""));  // red waits under its number
  group['A'].declare(1, {"mood", 8, MergeRule::kLww});
  CHECK(group['A'].row(1) == group['B'].row(1));
  group['C'].declare(1, {"mood", 8, MergeRule::kLww});
  group.exchange_all();
  CHECK(group['C'].row(1) == group['A'].row(1));
}

TEST_CASE("fault: a set's element added again after its removal stays away") {
  Group group(2);
  group['A'].commit({insert(1, {{"Tags", json("[\"x\",\"y\"]")}})});
  group.exchange_all();
  const std::string old = group['A'].changes({});
  group['B'].commit({update(1, {{"Tags", json("[\"y\"]")}})});
  const std::string removal = group['B'].changes({});
  group.exchange_all();
  CHECK(group['A'].row(1).ends_with("Tags=[\"y\"]"));
  group['A'].commit({update(1, {{"Tags", json("[\"x\",\"y\"]")}})});
  group['A'].merge(removal);
  group.exchange_all();
  CHECK(group['B'].row(1).ends_with("Tags=[\"x\",\"y\"]"));
  group['B'].commit({update(1, {{"Tags", json("[]")}})});
  group['B'].merge(old);
  CHECK(group['B'].row(1).ends_with("Tags=[]"));
  group.exchange_all();
}

TEST_CASE("fault: of a concurrent add and removal, the add is lost") {
  Group group(3);
  group['A'].commit({insert(1, {{"Tags", json("[1]")}})});
  group.exchange_all();
  group['A'].commit({update(1, {{"Tags", json("[]")}})});
  group['B'].commit({update(1, {{"Tags", json("[]")}})});
  group['B'].commit({update(1, {{"Tags", json("[1]")}})});  // a new add, which A didn't see
  group['C'].commit({update(1, {{"Tags", json("[1,2]")}})});
  group.exchange_all();
  CHECK(group['C'].row(1).ends_with("Tags=[1,2]"));
  // Both empty it in halves: empty, not NULL.
  group['A'].commit({update(1, {{"Tags", json("[1]")}})});
  group['B'].commit({update(1, {{"Tags", json("[2]")}})});
  group.exchange_all();
  CHECK(group['C'].row(1).ends_with("Tags=[]"));
}

TEST_CASE("fault: a SET doesn't read what was written to it") {
  Group group(1);
  Replica& a = group['A'];
  a.commit({insert(1)});
  CHECK(a.row(1).ends_with("Tags=null"));
  for (const char* written : {"[]", "[\"b\",\"a\",\"a\",2,10]", "[10]", "[]"}) {
    a.commit({update(1, {{"Tags", json(written)}})});
    const std::string expected = written[1] == '"' ? "[2,10,\"a\",\"b\"]" : written;
    CHECK(a.row(1).ends_with("Tags=" + expected));
    CHECK(a.commit({update(1, {{"Tags", json(written)}})}) == "");
    a.commit({update(1, {{"Tags", null}})});
    CHECK(a.row(1).ends_with("Tags=null"));
    CHECK(a.commit({update(1, {{"Tags", null}})}) == "");
    a.commit({update(1, {{"Tags", json("[7]")}})});
    CHECK(a.row(1).ends_with("Tags=[7]"));
  }
}

TEST_CASE("fault: an INSERT over a dead row brings back what the row had") {
  Group group(2);
  group['A'].commit({insert(
      1,
      {{"Name", text("a")}, {"Best", integer(9)}, {"Plays", integer(5)}, {"Tags", json("[1]")}})});
  group.exchange_all();
  group['A'].commit({erase(1)});
  group['B'].commit({update(1, {{"Best", integer(99)}, {"Tags", json("[1,2]")}})});
  group['A'].commit({insert(1, {{"Best", integer(3)}})});
  group.exchange_all();
  CHECK(group['B'].row(1) == "Name=null Best=3 Least=null Plays=0 Tags=null");
}

TEST_CASE("fault: an old file after a deletion wakes the row") {
  Group group(2);
  group['A'].commit({insert(1, {{"Name", text("a")}, {"Plays", integer(5)}})});
  const std::string old = group['A'].changes({});
  group.exchange_all();
  group['B'].commit({erase(1)});
  group.exchange_all();
  CHECK(group['A'].merge(old) == 0);
  CHECK(group['A'].row(1) == "gone");
  Replica fresh(site_of(9), music());
  fresh.merge(group['A'].changes({}));
  CHECK(fresh.merge(old) == 0);
  CHECK(fresh.row(1) == "gone");
}

TEST_CASE("fault: a part of a file that names columns alone leaves the row behind") {
  Group group(3);
  group['A'].commit({insert(1, {{"Name", text("a")}})});
  const std::string file = group['A'].changes({});
  const std::size_t second = file.find('\n') + 1;
  group['B'].merge(file.substr(second));  // without the row's own record
  CHECK(group['B'].row(1).starts_with("Name=\"a\""));
  group.pull('C', 'B');
  CHECK(group['C'].row(1).starts_with("Name=\"a\""));
  group['C'].merge(file.substr(0, second));
  group.exchange_all();
}

TEST_CASE("fault: a MAX or MIN goes the wrong way, or counts what was there already") {
  Group group(2);
  Replica& a = group['A'];
  a.commit({insert(1, {{"Best", integer(5)}, {"Least", integer(5)}})});
  CHECK(a.commit({update(1, {{"Best", integer(4)}, {"Least", integer(6)}})}) == "");
  CHECK(a.commit({update(1, {{"Best", null}, {"Least", integer(5)}})}) == "");
  CHECK(a.db_version() == DbVersion{1});
  group['B'].commit({insert(1, {{"Best", integer(4)}, {"Least", null}})});
  group['B'].commit({update(1, {{"Best", OwnedValue(Value::real(4.5))}})});
  group.exchange_all();
  CHECK(group['B'].row(1).find("Best=5 Least=5") != std::string::npos);
}

TEST_CASE("fault: two inserts of one key give two rows, or the cells of two transactions mixed") {
  Group group(2);
  group['A'].commit({insert(1, {{"Name", text("a")}, {"Best", integer(1)}})});
  group['B'].commit({insert(1, {{"Name", text("b")}, {"Plays", integer(1)}})});
  group['A'].commit({update(1, {{"Name", text("a2")}})});
  group.exchange_all();
  CHECK(group['A'].row(1) == "Name=\"a2\" Best=1 Least=null Plays=1 Tags=null");
}

TEST_CASE("fault: writing what is there already makes a record") {
  Group group(1);
  Replica& a = group['A'];
  const Write same = upsert(1, {{"Name", text("a")}, {"Plays", integer(2)}, {"Tags", json("[1]")}});
  CHECK(count(a.commit({same}), "\n") == 4);
  CHECK(a.commit({same}) == "");
  CHECK(a.db_version() == DbVersion{1});
  CHECK(a.commit({update(1, {{"Best", null}})}) == "");
  CHECK(count(a.commit({update(1, {{"Name", null}})}), "\n") == 1);
}

}  // namespace tremula::crdt
