// A dashboard: a whole screen from one select without FROM, kept alive, each part told apart by
// its path.
#include <tremula/tremula.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace {

constexpr const char* kSchema = R"(
  TABLE Person = 1 (PersonId INT = 1 KEY, Name TEXT = 2 NOT NULL);
  TABLE Task = 2 (
    TaskId INT = 1 KEY,
    Title  TEXT = 2 NOT NULL,
    Done   BOOL = 3 DEFAULT FALSE,
    Owner  INT = 4 INDEX REF Person,
    Hours  REAL = 5 DEFAULT 0.0
  );
  INSERT INTO Person {PersonId: 1, Name: 'Ada'}, {PersonId: 2, Name: 'Grace'};
  INSERT INTO Task {TaskId: 1, Title: 'notes', Owner: 1, Hours: 2.5},
                   {TaskId: 2, Title: 'compiler', Owner: 2, Hours: 8};
)";

constexpr const char* kScreen = R"(
  SELECT {
    open: (SELECT count(*) FROM Task AS t WHERE t.Done = FALSE),
    hours: (SELECT total(t.Hours) FROM Task AS t),
    next: [SELECT { t.TaskId, t.Title } FROM Task AS t
           WHERE t.Done = FALSE ORDER BY t.TaskId LIMIT 2],
    people: [SELECT {
      p.Name,
      done: (SELECT count(*) FROM Task AS t WHERE t.Owner = p.PersonId AND t.Done = TRUE)
    } FROM Person AS p ORDER BY p.Name]
  }
)";

// The part of the screen that a change is in: the second step of its path, behind the row. Where
// most of the screen changes, the patch is shorter as one replace of all of it.
std::string part_of(const std::string& path) {
  const std::size_t begin = path.find('/', 1);
  if (begin == std::string::npos) return "all";
  return path.substr(begin + 1, path.find('/', begin + 1) - begin - 1);
}

}  // namespace

int main() {
  auto db = tremula::Database::in_memory();
  db.run(kSchema).value();

  std::map<std::string, int> redrawn;
  auto screen =
      db.subscribe(kScreen, {}, [&](const tremula::Delta& delta) {
          for (const tremula::Change& change : delta.changes()) {
            ++redrawn[part_of(change.path)];
          }
          std::printf("commit %llu: %s\n", static_cast<unsigned long long>(delta.version()),
                      delta.patch().c_str());
        }).value();
  std::printf("%s\n", screen.json().c_str());

  auto finish = db.prepare(
                      "UPDATE Task SET Done = TRUE, Hours = Hours + $hours "
                      "WHERE TaskId = $task")
                    .value();
  finish.execute({{"task", 1}, {"hours", 0.5}}).value();
  redrawn.clear();
  db.run("INSERT INTO Task {TaskId: 3, Title: 'nanoseconds', Owner: 2};").value();

  const std::string wanted = R"([{"open":2,"hours":11.0,"next":[{"TaskId":2,"Title":"compiler"},)"
                             R"({"TaskId":3,"Title":"nanoseconds"}],)"
                             R"("people":[{"Name":"Ada","done":1},{"Name":"Grace","done":0}]}])";
  std::printf("%s\n", screen.json().c_str());
  const bool parts = redrawn == std::map<std::string, int>{{"next", 1}, {"open", 1}};
  return screen.json() == wanted && parts ? EXIT_SUCCESS : EXIT_FAILURE;
}
