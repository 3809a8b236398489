// IMPORT and EXPORT: cli.md.
#include <doctest/doctest.h>

#include "db/csv_reader.h"
#include "tests/db/support.h"

namespace tremula::test {

namespace {

constexpr const char* kTable =
    "TABLE T = 1 (Id INT = 1 KEY, Name TEXT = 2, Price REAL = 3 DEFAULT 1.5, Good BOOL = 4,"
    " Data BYTES = 5, Doc JSON = 6);";

std::string import(Database& db, const TemporaryFile& file, std::string_view how = "") {
  return run(db, "IMPORT T FROM '" + file.path() + "'" + std::string(how) + ";");
}

// The message of the error that an import ends with, behind the file's path.
std::string complaint(std::string_view csv, std::string_view how = "") {
  auto db = Database::in_memory();
  db.run(kTable).value();
  const TemporaryFile file(csv);
  auto result = db.run("IMPORT T FROM '" + file.path() + "'" + std::string(how) + ";");
  CHECK(run(db, "SELECT count(*) AS n FROM T") == R"({"n":0})");
  if (result.ok()) return "";
  std::string message = result.error().message;
  if (message.starts_with(file.path())) message = message.substr(file.path().size());
  return std::string(error_code_name(result.error().code)) + " " +
         message.substr(0, message.find(": ", message.starts_with(":") ? 1 : 0));
}

// All records of a file, fields in brackets, quoted ones in quotes.
std::string records(std::string_view csv) {
  const TemporaryFile file(csv);
  auto reader = db::CsvReader::open(file.path()).value();
  std::string text;
  while (true) {
    auto more = reader.next();
    if (!more.ok()) return text + "!";
    if (!more.value()) return text;
    for (const db::CsvField& field : reader.fields()) {
      text += field.quoted ? "<" : "[";
      text += field.text;
      text += field.quoted ? ">" : "]";
    }
    text += ';';
  }
}

}  // namespace

TEST_CASE("CSV records end with CRLF or LF or the file, and quotes hold what they must") {
  CHECK(records("a,b\r\n1,2\n3,4") == "[a][b];[1][2];[3][4];");
  CHECK(records("\xEF\xBB\xBF" "a\n") == "[a];");
  CHECK(records("\"x, \"\"y\"\"\r\nz\",,\"\"\r\n") == "<x, \"y\"\r\nz>[]<>;");
  CHECK(records("") == "");
  CHECK(records("a,\n") == "[a][];");
  CHECK(records("a,") == "[a][];");
  CHECK(records("a\n\nb\n") == "[a];[];[b];");
  CHECK(records("a b , c\"d\n") == "[a b ][ c\"d];");
  CHECK(records("\"a\"\n") == "<a>;");
  CHECK(records("\"a\"") == "<a>;");
  CHECK(records("x\n\"a\"b\n") == "[x];!");
  CHECK(records("x\n\"a") == "[x];!");
}

TEST_CASE("a CSV record may be longer than the window and stand anywhere in it") {
  const std::string longer((std::size_t{1} << 20) + 17, 'x');
  CHECK(records("a\n\"" + longer + "\"\nb\n") == "[a];<" + longer + ">;[b];");
  std::string many;
  std::string wanted;
  for (int i = 0; i < 60'000; ++i) {
    const std::string number = std::to_string(i);
    many += number + ",\"q\"\"" + number + "\",\r\n";
    wanted += "[" + number + "]<q\"" + number + ">[];";
  }
  CHECK(records(many) == wanted);
}

TEST_CASE("IMPORT reads fields by the declared types") {
  auto db = Database::in_memory();
  db.run(kTable).value();
  const TemporaryFile file("Id,Name,Price,Good,Data,Doc\r\n"
                           "1,0171,2,true,AQI=,\"{\"\"a\"\": [1]}\"\n"
                           "-2,\"\",1e2,false,,null\n"
                           "3,,,,,5\n");
  CHECK(import(db, file) == R"({"imported":3})");
  CHECK(run(db, "SELECT * FROM T") ==
        "{\"Id\":-2,\"Name\":\"\",\"Price\":100.0,\"Good\":false,\"Data\":null,\"Doc\":null}\n"
        "{\"Id\":1,\"Name\":\"0171\",\"Price\":2.0,\"Good\":true,\"Data\":\"AQI=\","
        "\"Doc\":{\"a\":[1]}}\n"
        "{\"Id\":3,\"Name\":null,\"Price\":null,\"Good\":null,\"Data\":null,\"Doc\":5}");
}

TEST_CASE("a column that the file lacks reads as one that INSERT doesn't name") {
  auto db = Database::in_memory();
  db.run(kTable).value();
  CHECK(import(db, TemporaryFile("Name,Id\nx,1\n")) == R"({"imported":1})");
  CHECK(run(db, "SELECT Name, Price FROM T") == R"({"Name":"x","Price":1.5})");
}

TEST_CASE("a bad file is told with its line and column, and nothing changes") {
  CHECK(complaint("Id,Name\n1,a\nx,b\n") == "type_mismatch :3:1");
  CHECK(complaint("Id,Name,Price\n1,\"two\nlines\",x\n") == "type_mismatch :3:8");
  CHECK(complaint("Id,Name,Price\n1,\xC3\xA9\xC3\xA9,x\n") == "type_mismatch :2:6");
  CHECK(complaint("Id,Good\n1,TRUE\n") == "type_mismatch :2:3");
  CHECK(complaint("Id,Price\n1,.5\n") == "type_mismatch :2:3");
  CHECK(complaint("Id,Price\n1, 5\n") == "type_mismatch :2:3");
  CHECK(complaint("Id\n+1\n") == "type_mismatch :2:1");
  CHECK(complaint("Id\n\"\"\n") == "type_mismatch :2:1");
  CHECK(complaint("Id,Data\n1,???\n") == "type_mismatch :2:3");
  CHECK(complaint("Id,Doc\n1,{a\n") == "type_mismatch :2:3");
  CHECK(complaint("Id,Nam\n") == "unknown_column :1:4");
  CHECK(complaint("Id,Name,Id\n") == "syntax :1:9");
  CHECK(complaint("Id,Name\n1\n") == "syntax :2:1");
  CHECK(complaint("Id,Name\n1,a\n1,b\n") == "duplicate_key :3:1");
  CHECK(complaint("Id,Name\n1,a\n1,b\n", " REPLACE") == "duplicate_key :3:1");
  CHECK(complaint("Id,Name\n,a\n") == "not_null :2:1");
  CHECK(complaint("Name\na\n") == "not_null :2:1");
  CHECK(complaint("Id,Name\n1,\xFF\n") == "invalid_utf8 :2:3");
  CHECK(complaint("") == "syntax :1:1");
  auto db = Database::in_memory();
  db.run(kTable).value();
  CHECK(run(db, "IMPORT T FROM 'no/such/file.csv'") == "! io at 1:15");
}

TEST_CASE("IMPORT REPLACE makes the table equal to the file and live queries see the difference") {
  auto db = Database::in_memory();
  db.run(kTable).value();
  run(db, "INSERT INTO T {Id: 1, Name: 'same'}, {Id: 2, Name: 'old'}, {Id: 3, Name: 'gone'},"
          "{Id: 5, Name: 'extra', Price: 9};");
  const TemporaryFile file("Id,Name\n1,same\n2,new\n4,added\n5,extra\n");
  CHECK(run(db, "SUBSCRIBE s AS SELECT Id, Name, Price FROM T; IMPORT T FROM '" + file.path() +
                    "' REPLACE; IMPORT T FROM '" + file.path() + "' REPLACE;") ==
        "{\"subscription\":\"s\",\"snapshot\":[{\"Id\":1,\"Name\":\"same\",\"Price\":1.5},"
        "{\"Id\":2,\"Name\":\"old\",\"Price\":1.5},{\"Id\":3,\"Name\":\"gone\",\"Price\":1.5},"
        "{\"Id\":5,\"Name\":\"extra\",\"Price\":9.0}]}\n"
        "{\"inserted\":1,\"updated\":2,\"deleted\":1,\"unchanged\":1}\n"
        "{\"subscription\":\"s\",\"commit\":3,\"patch\":["
        "{\"op\":\"replace\",\"path\":\"/2\","
        "\"value\":{\"Id\":4,\"Name\":\"added\",\"Price\":1.5}},"
        "{\"op\":\"replace\",\"path\":\"/1/Name\",\"value\":\"new\"},"
        "{\"op\":\"replace\",\"path\":\"/3/Price\",\"value\":1.5}]}\n"
        "{\"inserted\":0,\"updated\":0,\"deleted\":0,\"unchanged\":4}");
}

TEST_CASE("IMPORT REPLACE needs a KEY, and IMPORT without it does not") {
  auto db = Database::in_memory();
  run(db, "TABLE T = 1 (Name TEXT = 1);");
  const TemporaryFile file("Name\na\n\nb\n");
  CHECK(import(db, file) == R"({"imported":3})");
  CHECK(run(db, "SELECT Name FROM T") == "{\"Name\":\"a\"}\n{\"Name\":null}\n{\"Name\":\"b\"}");
  CHECK(import(db, file, " REPLACE").starts_with("! unsupported"));
}

TEST_CASE("EXPORT writes what IMPORT reads back") {
  auto db = Database::in_memory();
  db.run(kTable).value();
  run(db,
      "INSERT INTO T {Id: 1, Name: 'a,\"b\"', Price: 1e300, Good: TRUE, Data: x'0102',"
      " Doc: {k: [1, 'x']}}, {Id: 2, Name: '', Price: NULL, Doc: 'text'}, {Id: 3, Doc: '5'};");
  const std::string select = "SELECT { T.*, type: typeof(Doc) } FROM T";
  const std::string before = run(db, select);
  const TemporaryFile file;
  CHECK(run(db, "EXPORT (SELECT * FROM T) TO '" + file.path() + "';") == R"({"exported":3})");
  CHECK(file.contents() ==
        "Id,Name,Price,Good,Data,Doc\n"
        "1,\"a,\"\"b\"\"\",1e+300,true,AQI=,\"{\"\"k\"\":[1,\"\"x\"\"]}\"\n"
        "2,\"\",,,,\"\"\"text\"\"\"\n"
        "3,,1.5,,,\"\"\"5\"\"\"\n");
  CHECK(run(db, "EXPORT (SELECT * FROM T) TO '" + file.path() +
                    "';"
                    "DELETE FROM T; IMPORT T FROM '" +
                    file.path() + "';") == "{\"exported\":3}\n{\"deleted\":3}\n{\"imported\":3}");
  CHECK(run(db, select) == before);
  CHECK(run(db, "EXPORT (SELECT { n: 1, t: [SELECT Id FROM T] }) TO '" + file.path() + "';") ==
        R"({"exported":1})");
  CHECK(file.contents() == "n,t\n1,\"[1,2,3]\"\n");
}

}  // namespace tremula::test
