// The face of its own: typed transactions, prepared statements, rows, values and errors.
#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "tests/db/support.h"

namespace tremula::test {

namespace {

Database with_schema() {
  auto db = Database::in_memory();
  db.run("TABLE Album = 1 (AlbumId INT = 1 KEY, Title TEXT = 2 NOT NULL,"
         " Price REAL = 3 DEFAULT 1.5);"
         "TABLE Pair = 2 (A INT = 1, B TEXT = 2, N INT = 3, KEY (B, A)) STRICT;"
         "TABLE Note = 3 (Body JSON = 1);")
      .value();
  return db;
}

std::string rows(Database& db, std::string_view select) { return db.query(select).value().json(); }

template <typename Write>
ErrorCode code_of_write(Database& db, Write&& write) {
  auto ticket = db.transact(write);
  return ticket.ok() ? ErrorCode::kOk : ticket.error().code;
}

}  // namespace

TEST_CASE("open() says what is wrong with a directory") {
  Options options;
  options.create = false;
  auto db = Database::open("somewhere", options);
  REQUIRE_FALSE(db.ok());
  CHECK(db.error().code == ErrorCode::kIo);
  CHECK(db.error().text == "error: io: somewhere: there is no database here");
  CHECK_THROWS_AS(db.value(), Exception);
}

TEST_CASE("a typed transaction inserts, upserts, updates, erases and reads its own writes") {
  auto db = with_schema();
  auto ticket = db.transact([](Transaction& tx) {
                    CHECK(tx.insert("Album", {{"AlbumId", 1}, {"Title", "Ys"}}) == 0);
                    tx.upsert("Album", {{"AlbumId", 1}, {"Price", 2}});
                    tx.upsert("Album", {{"AlbumId", 2}, {"Title", "Divers"}, {"Price", nullptr}});
                    CHECK(tx.update("Album", 2, {{"Title", std::string("DIVERS")}}));
                    CHECK_FALSE(tx.update("Album", 9, {{"Title", "x"}}));
                    tx.insert("Pair", {{"A", 1}, {"B", "x"}, {"N", 5}});
                    tx.insert("Pair", {{"A", 2}, {"B", "x"}});
                    CHECK(tx.exists("Pair", {"x", 1}));
                    CHECK(tx.erase("Pair", {"x", 1}));
                    CHECK_FALSE(tx.erase("Pair", {"x", 1}));
                    CHECK(tx.get("Album", 1, "Price") == Value(2.0));
                    CHECK(tx.get("Album", 9, "Price").is_null());
                    CHECK(tx.insert("Note", {{"Body", ValueView::json("[1, 2]")}}) > 3);
                    CHECK(tx.query("SELECT A FROM Pair").json() == R"([{"A":2}])");
                    CHECK(tx.execute("UPDATE Pair SET N = $n", {{"n", 7}}).rows == 1);
                  }).value();
  CHECK(ticket.commit == db.version());
  CHECK(db.wait_durable(ticket).ok());
  CHECK(rows(db, "SELECT * FROM Album") ==
        R"([{"AlbumId":1,"Title":"Ys","Price":2.0},{"AlbumId":2,"Title":"DIVERS","Price":null}])");
  CHECK(rows(db, "SELECT * FROM Pair") == R"([{"A":2,"B":"x","N":7}])");
  CHECK(rows(db, "SELECT * FROM Note") == R"([{"Body":[1,2]}])");
}

TEST_CASE("a call that fails throws and is undone alone; let out, it ends the transaction") {
  auto db = with_schema();
  const auto put = [](Transaction& tx) { tx.insert("Album", {{"AlbumId", 1}, {"Title", "a"}}); };
  db.transact([&](Transaction& tx) {
      put(tx);
      CHECK_THROWS_AS(put(tx), Exception);
      CHECK_THROWS_AS(tx.execute("INSERT INTO Album {AlbumId: 5, Title: 'b'},"
                                 "{AlbumId: 1, Title: 'c'}"),
                      Exception);
    }).value();
  CHECK(rows(db, "SELECT AlbumId FROM Album") == R"([{"AlbumId":1}])");
  CHECK(code_of_write(db, [&](Transaction& tx) {
          tx.insert("Album", {{"AlbumId", 2}, {"Title", "b"}});
          put(tx);
        }) == ErrorCode::kDuplicateKey);
  CHECK_THROWS_AS(db.transact([&](Transaction& tx) {
                      tx.insert("Album", {{"AlbumId", 2}, {"Title", "b"}});
                      throw std::logic_error("mine");
                    }).ok(),
                  std::logic_error);
  CHECK(rows(db, "SELECT AlbumId FROM Album") == R"([{"AlbumId":1}])");
}

TEST_CASE("typed writes keep the rules of the written ones") {
  auto db = with_schema();
  run(db, "INSERT INTO Album {AlbumId: 1, Title: 'x'}; INSERT INTO Pair {A: 1, B: 'x'};");
  using Tx = Transaction;
  const auto code = [&](auto write) { return code_of_write(db, write); };
  CHECK(code([](Tx& tx) { tx.insert("Nope", {}); }) == ErrorCode::kUnknownTable);
  CHECK(code([](Tx& tx) { tx.insert("Album", {{"AlbumId", 3}}); }) == ErrorCode::kNotNull);
  CHECK(code([](Tx& tx) { tx.insert("Album", {{"Title", "x"}}); }) == ErrorCode::kNotNull);
  CHECK(code([](Tx& tx) { tx.upsert("Album", {{"AlbumId", 3}}); }) == ErrorCode::kNotNull);
  CHECK(code([](Tx& tx) { tx.upsert("Album", {{"AlbumId", "3"}}); }) == ErrorCode::kTypeMismatch);
  CHECK(code([](Tx& tx) { tx.update("Album", 1, {{"Price", "x"}}); }) == ErrorCode::kTypeMismatch);
  CHECK(code([](Tx& tx) { tx.update("Album", 1, {{"AlbumId", 1}}); }) == ErrorCode::kKeyUpdate);
  CHECK(code([](Tx& tx) { tx.update("Album", 1, {{"Title", nullptr}}); }) == ErrorCode::kNotNull);
  CHECK(code([](Tx& tx) { tx.erase("Pair", 1); }) == ErrorCode::kTypeMismatch);
  CHECK(code([](Tx& tx) { tx.update("Pair", {"x", 1}, {{"M", 1}}); }) == ErrorCode::kUnknownColumn);
  CHECK(code([](Tx& tx) { tx.update("Pair", {"x", 1}, {{"N", 1}, {"N", 2}}); }) ==
        ErrorCode::kSyntax);
  CHECK(code([](Tx& tx) { tx.insert("tremula_table", {{"number", 1}}); }) == ErrorCode::kReadOnly);
  CHECK(code([](Tx& tx) { tx.update("Album", 1, {{"Title", "\xFF"}}); }) ==
        ErrorCode::kInvalidUtf8);
  CHECK(code([](Tx& tx) { tx.insert("Note", {{"Body", ValueView::json("{")}}); }) ==
        ErrorCode::kTypeMismatch);
  CHECK(code([](Tx& tx) { tx.execute("SELECT 1"); }) != ErrorCode::kOk);
  CHECK(code([](Tx& tx) { tx.update("Album", 1, {{"Price", std::nan("")}, {"mood", "blue"}}); }) ==
        ErrorCode::kOk);
  CHECK(rows(db, "SELECT a.Price, a.mood FROM Album AS a") == R"([{"Price":null,"mood":"blue"}])");
}

TEST_CASE("a prepared statement runs many times and binds itself anew when the schema moves") {
  auto db = with_schema();
  auto put = db.prepare("UPSERT INTO Album {AlbumId: $id, Title: $t}").value();
  auto get = db.prepare("SELECT a.Title FROM Album AS a WHERE a.AlbumId = $id").value();
  for (int i = 0; i < 3; ++i) {
    CHECK(put.execute({{"id", i}, {"t", "t" + std::to_string(i)}}).value().line ==
          R"({"upserted":1})");
  }
  CHECK(get.query({{"id", 2}}).value().json() == R"([{"Title":"t2"}])");
  run(db, "TABLE Album = 1 (AlbumId INT = 1 KEY, Name TEXT = 2, Title INT = 4 DEFAULT 5);");
  CHECK(get.query({{"id", 2}}).value().json() == R"([{"Title":5}])");
  CHECK(put.execute({{"id", 2}, {"t", "x"}}).error().code == ErrorCode::kTypeMismatch);
  CHECK(put.execute({{"id", 2}}).error().code == ErrorCode::kUnboundParameter);
  db.transact([&](Transaction& tx) {
      tx.execute(put, {{"id", 2}, {"t", 6}});
      CHECK(tx.query(get, {{"id", 2}}).json() == R"([{"Title":6}])");
      CHECK(put.execute({{"id", 2}, {"t", 6}}).error().code == ErrorCode::kUnsupported);
    }).value();
  std::string seen;
  get.for_each({{"id", 2}}, [&](std::string_view row) {
       seen += row;
       return true;
     }).value();
  CHECK(seen == R"({"Title":6})");
  CHECK(db.prepare("SELECT").error().code == ErrorCode::kSyntax);
  CHECK(db.prepare("SELECT 1; SELECT 2").error().code == ErrorCode::kSyntax);
  CHECK(db.prepare("").error().code == ErrorCode::kSyntax);
}

TEST_CASE("rows are JSON, and cells of their kinds") {
  auto db = with_schema();
  run(db, "INSERT INTO Album {AlbumId: 1, Title: 'quote \" and \\ and \n'};");
  const Rows result = db.query("SELECT { a.AlbumId, a.Title, a.Price, none: NULL, good: TRUE,"
                               " big: 1e300 * 1e300, tree: [SELECT { AlbumId } FROM Album] }"
                               " FROM Album AS a")
                          .value();
  REQUIRE(result.size() == 1);
  CHECK(result.columns() == std::vector<std::string>{"AlbumId", "Title", "Price", "none", "good",
                                                     "big", "tree"});
  CHECK(result.value(0, "AlbumId") == Value(1));
  CHECK(result.value(0, "Title") == Value("quote \" and \\ and \n"));
  CHECK(result.value(0, "Price") == Value(1.5));
  CHECK(result.value(0, "none").is_null());
  CHECK(result.value(0, "good") == Value(true));
  CHECK(std::isinf(result.value(0, "big").as_real()));
  CHECK(result.value(0, "tree") == Value::json(R"([{"AlbumId":1}])"));
  CHECK(result.value(0, "missing").is_null());
}

TEST_CASE("values print as TreeQL prints them") {
  CHECK(Value().to_json() == "null");
  CHECK(Value(5).to_json() == "5");
  CHECK(Value(2.0).to_json() == "2.0");
  CHECK(Value("a\n").to_json() == "\"a\\n\"");
  CHECK(Value::bytes("\x01\x02").to_json() == "\"AQI=\"");
  CHECK(ValueView(~std::uint64_t{0}).kind() == ValueKind::kReal);
}

TEST_CASE("query() and subscribe() take a SELECT alone") {
  auto db = with_schema();
  CHECK(db.query("DELETE FROM Album").error().code == ErrorCode::kReadOnly);
  CHECK(db.subscribe("DROP TABLE Album", {}, [](const Delta&) {}).error().code ==
        ErrorCode::kReadOnly);
  const auto error = db.query("SELECT { n: a.Nme }\nFROM Album AS a").error();
  CHECK(error.code == ErrorCode::kUnknownColumn);
  CHECK(error.line == 1);
  CHECK(error.column == 15);
  CHECK(error.text.find("\n  SELECT { n: a.Nme }\n                ^") != std::string::npos);
}

TEST_CASE("a sink that throws ends the script there, and the database goes on") {
  auto db = with_schema();
  run(db, "INSERT INTO Album {AlbumId: 1, Title: 'x'}, {AlbumId: 2, Title: 'y'};");
  int seen = 0;
  const auto sink = [&](const Output& output) {
    if (output.kind == OutputKind::kRow && ++seen == 1) throw std::runtime_error("full");
  };
  CHECK_THROWS_AS(db.run("SELECT * FROM Album; DELETE FROM Album", {}, sink).ok(),
                  std::runtime_error);
  CHECK(seen == 1);
  CHECK(rows(db, "SELECT count(*) AS n FROM Album") == R"([{"n":2}])");
}

TEST_CASE("a progress that throws takes its IMPORT back") {
  auto db = with_schema();
  std::string csv = "AlbumId,Title\n";
  for (int i = 0; i < 200'000; ++i) csv += std::to_string(i) + ",title\n";
  const TemporaryFile file(csv);
  Session session(db, [](const Output&) {});
  session.on_progress([](std::uint64_t, std::uint64_t) { throw std::runtime_error("enough"); });
  const std::string script = "IMPORT Album FROM '" + file.path() + "'";
  CHECK_THROWS_AS(session.run(script).ok(), std::runtime_error);
  CHECK_THROWS_AS(session.run("BEGIN; " + script).ok(), std::runtime_error);
  session.run("INSERT INTO Album {AlbumId: 1, Title: 'x'}; COMMIT").value();
  CHECK(rows(db, "SELECT count(*) AS n FROM Album") == R"([{"n":1}])");
}

TEST_CASE("a sink that throws at a write's line doesn't keep listeners from hearing it") {
  auto db = with_schema();
  int heard = 0;
  auto live = db.subscribe("SELECT AlbumId FROM Album", {}, [&](const Delta&) { ++heard; }).value();
  const auto sink = [](const Output&) { throw std::runtime_error("full"); };
  CHECK_THROWS_AS(db.run("INSERT INTO Album {AlbumId: 1, Title: 'x'}", {}, sink).ok(),
                  std::runtime_error);
  CHECK(heard == 1);
}

TEST_CASE("no change, no commit") {
  auto db = with_schema();
  run(db, "INSERT INTO Album {AlbumId: 1, Title: 'x'};");
  const std::uint64_t before = db.version();
  run(db, "UPDATE Album SET Title = Title; UPSERT INTO Album {AlbumId: 1, Title: 'x'};"
          "DELETE FROM Album WHERE AlbumId = 7;"
          "BEGIN; DELETE FROM Album; INSERT INTO Album {AlbumId: 1, Title: 'x'}; COMMIT;");
  CHECK(db.version() == before);
}

TEST_CASE("one database may take the place of another, whose handles then end") {
  auto db = with_schema();
  auto prepared = db.prepare("SELECT * FROM Album").value();
  db = Database::in_memory();
  CHECK(prepared.query().error().code == ErrorCode::kUnsupported);
  CHECK(code_of(db, "SELECT * FROM Album") == "unknown_table");
}

}  // namespace tremula::test
