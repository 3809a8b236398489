// `tremula run`: results on standard output, errors on standard error, the exit status, parameters.
#include <doctest/doctest.h>

#include "tests/cli/process.h"

namespace tremula::cli_test {
namespace {

const std::string kSongs =
    "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3);\n"
    "INSERT INTO Song {Id: 1, Name: 'Low', Plays: 5}, {Id: 2, Name: 'Ten', Plays: 7};\n";

}  // namespace

TEST_CASE("run: a script's results are JSON lines, live results among them") {
  const Finished finished =
      run({"run", "-"},
          kSongs +
              "SELECT { s.Name } FROM Song AS s ORDER BY s.Plays;\n"
              "SUBSCRIBE top AS SELECT { s.Name } FROM Song AS s ORDER BY s.Plays DESC LIMIT 1;\n"
              "UPDATE Song SET Name = 'Big' WHERE Id = 2;\n"
              "UNSUBSCRIBE top;\n"
              "DELETE FROM Song WHERE Id = 1");
  CHECK(finished.err == "");
  CHECK(finished.status == 0);
  CHECK(finished.out ==
        "{\"table\":\"Song\",\"created\":true}\n"
        "{\"inserted\":2}\n"
        "{\"Name\":\"Low\"}\n"
        "{\"Name\":\"Ten\"}\n"
        "{\"subscription\":\"top\",\"snapshot\":[{\"Name\":\"Ten\"}]}\n"
        "{\"updated\":1}\n"
        "{\"subscription\":\"top\",\"commit\":3,\"patch\":"
        "[{\"op\":\"replace\",\"path\":\"/0/Name\",\"value\":\"Big\"}]}\n"
        "{\"deleted\":1}\n");
}

TEST_CASE("run: a file, standard input by name, and standard input without a call do the same") {
  const Folder folder;
  const std::string script = kSongs + "SELECT { n: count(*) } FROM Song AS s;\n";
  const Finished from_file = run({"run", folder.write("a.tql", script)});
  const Finished from_dash = run({"run", "-"}, script);
  const Finished from_pipe = run({}, script);
  CHECK(from_file.status == 0);
  CHECK(from_file.out.ends_with("{\"n\":2}\n"));
  CHECK(from_dash.out == from_file.out);
  CHECK(from_pipe.out == from_file.out);
  CHECK(from_pipe.status == 0);
}

TEST_CASE("run: the first error outside BEGIN ends the script with 1 and shows the place") {
  const Finished finished =
      run({"run", "-"}, kSongs + "SELECT { n: s.Nme } FROM Song AS s;\nSELECT { never: 1 };\n");
  CHECK(finished.status == 1);
  CHECK(finished.out == "{\"table\":\"Song\",\"created\":true}\n{\"inserted\":2}\n");
  CHECK(finished.err ==
        "error: unknown_column at 3:15: no column 'Nme' in Song; did you mean 'Name'?\n"
        "  SELECT { n: s.Nme } FROM Song AS s;\n"
        "                ^\n");
}

TEST_CASE("run: inside BEGIN a failed statement is undone alone and the script goes on") {
  const Finished finished = run({"run", "-"}, kSongs +
                                                  "BEGIN;\n"
                                                  "UPDATE Song SET Plays = 1 WHERE Id = 1;\n"
                                                  "INSERT INTO Song {Id: 2};\n"
                                                  "COMMIT;\n"
                                                  "SELECT { s.Plays } FROM Song AS s;\n");
  CHECK(finished.status == 1);
  CHECK(finished.out.ends_with("{\"updated\":1}\n{\"Plays\":1}\n{\"Plays\":7}\n"));
  CHECK(finished.err.starts_with("error: duplicate_key at 5:"));
}

TEST_CASE("run: a parameter is a JSON scalar if its value is one, and else TEXT") {
  const std::string script = "SELECT { v: $v, t: typeof($v) };";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"5", "{\"v\":5,\"t\":\"int\"}"},
      {"-5", "{\"v\":-5,\"t\":\"int\"}"},
      {"1.5", "{\"v\":1.5,\"t\":\"real\"}"},
      {"1e2", "{\"v\":100.0,\"t\":\"real\"}"},
      {"9223372036854775807", "{\"v\":9223372036854775807,\"t\":\"int\"}"},
      {"9223372036854775808", "{\"v\":9223372036854775808.0,\"t\":\"real\"}"},
      {"true", "{\"v\":true,\"t\":\"bool\"}"},
      {"null", "{\"v\":null,\"t\":\"null\"}"},
      {"\"5\"", "{\"v\":\"5\",\"t\":\"text\"}"},
      {"\"a\\u00e9\\n\"", "{\"v\":\"aé\\n\",\"t\":\"text\"}"},
      {"0171", "{\"v\":\"0171\",\"t\":\"text\"}"},
      {"+5", "{\"v\":\"+5\",\"t\":\"text\"}"},
      {".5", "{\"v\":\".5\",\"t\":\"text\"}"},
      {" 5", "{\"v\":\" 5\",\"t\":\"text\"}"},
      {"True", "{\"v\":\"True\",\"t\":\"text\"}"},
      {"", "{\"v\":\"\",\"t\":\"text\"}"},
      {"a=b", "{\"v\":\"a=b\",\"t\":\"text\"}"},
      {"[1]", "{\"v\":\"[1]\",\"t\":\"text\"}"},
      {"\"open", "{\"v\":\"\\\"open\",\"t\":\"text\"}"},
  };
  for (const auto& [value, expected] : cases) {
    CAPTURE(value);
    const Finished finished =
        run({"run", "-", "--param", "v=" + value, "--param", "unused=1"}, script);
    CHECK(finished.err == "");
    // An integer beyond 64 bits is a REAL: its digits are the printer's concern.
    if (value == "9223372036854775808")
      CHECK(finished.out.ends_with("\"t\":\"real\"}\n"));
    else
      CHECK(finished.out == expected + "\n");
  }
}

TEST_CASE("run: a parameter that is missing or not UTF-8 is an error of the script") {
  const Finished missing = run({"run", "-"}, "SELECT { v: $v };");
  CHECK(missing.status == 1);
  CHECK(missing.err.starts_with("error: unbound_parameter at 1:13: "));
  const Finished broken = run({"run", "-", "--param", "v=\xFF"}, "SELECT { v: $v };");
  CHECK(broken.status == 1);
  CHECK(broken.err.starts_with("error: invalid_utf8: "));
}

TEST_CASE("run: a script that cannot be read is io, one that is not UTF-8 does not begin") {
  const Folder folder;
  const Finished absent = run({"run", folder.path("absent.tql")});
  CHECK(absent.status == 1);
  CHECK(absent.err.starts_with("error: io: cannot read "));
  CHECK(absent.err.find("absent.tql") != std::string::npos);
  const Finished folder_itself = run({"run", folder.path()});
  CHECK(folder_itself.status == 1);
  CHECK(folder_itself.err.starts_with("error: io: "));
  const Finished broken = run({"run", "-"}, kSongs + "SELECT { a: '\xC3' };");
  CHECK(broken.status == 1);
  CHECK(broken.out == "");
  CHECK(broken.err.starts_with("error: invalid_utf8"));
}

TEST_CASE("run: an empty script does nothing well") {
  const Finished finished = run({"run", "-"}, " -- nothing\n");
  CHECK(finished.status == 0);
  CHECK(finished.out + finished.err == "");
}

TEST_CASE("run: IMPORT and EXPORT take paths from the current directory") {
  const Folder folder;
  const std::string csv = folder.write("in.csv", "Id,Name,Plays\n1,\"a,\"\"b\"\"\",\n2,\"\",7\n");
  const std::string out = folder.path("out.csv");
  const Finished finished =
      run({"run", "-"},
          "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3);\nIMPORT Song FROM '" +
              csv + "';\nEXPORT (SELECT * FROM Song) TO '" + out + "';\n");
  CHECK(finished.err == "");
  CHECK(finished.out ==
        "{\"table\":\"Song\",\"created\":true}\n{\"imported\":2}\n{\"exported\":2}\n");
  CHECK(read_file(out) == read_file(csv));
}

}  // namespace tremula::cli_test
