#include <tremula/tremula.h>

#include <cstdio>

int main() {
  auto db = tremula::Database::in_memory();
  db.run("TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3)").value();
  db.run("INSERT INTO Song {Id: 1, Name: 'Low', Plays: 5}, {Id: 2, Name: 'Ten', Plays: 7}").value();
  auto print = [](const tremula::Delta& delta) { std::puts(delta.patch().c_str()); };
  auto top = db.subscribe("SELECT s.Name FROM Song AS s ORDER BY s.Plays DESC", {}, print).value();
  db.run("UPDATE Song SET Plays = Plays + 3 WHERE Id = 1").value();
  std::puts(top.json().c_str());  // [{"Name":"Low"},{"Name":"Ten"}]
}
