// What somebody's program with Tremula may look like. It prints one line that run.py expects.
#include <tremula/tremula.h>

#include <cstdio>

int main() {
  auto db = tremula::Database::in_memory();
  db.run("TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2)").value();
  auto songs = db.subscribe("SELECT Name FROM Song", {}, [](const tremula::Delta& delta) {
                   std::printf("%s ", delta.patch().c_str());
                 }).value();
  db.transact([](tremula::Transaction& tx) {
      tx.insert("Song", {{"Id", 1}, {"Name", "Low"}});
    }).value();
  // The library's exceptions are caught as what they are.
  try {
    db.run("SELECT Nme FROM Song").value();
  } catch (const tremula::Exception& exception) {
    std::printf("%s\n", std::string(tremula::error_code_name(exception.code())).c_str());
  }
  return songs.json() == R"([{"Name":"Low"}])" ? 0 : 1;
}
