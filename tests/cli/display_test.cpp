// What the shell shows: tables of trees, marks of changed cells, bars, commands taken apart.
#include <doctest/doctest.h>

#include <clocale>
#include <string>
#include <vector>

#include "cli/change_marks.h"
#include "cli/dot_commands.h"
#include "cli/progress_bar.h"
#include "cli/text_table.h"

namespace tremula::cli {
namespace {

std::string table(const std::vector<std::string>& rows, std::size_t width = 0,
                  const std::string& patch = "[]") {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  TextTable table({});
  for (const std::string& row : rows) table.add_row(row);
  ChangeMark marks;
  mark_patch(marks, patch);
  std::string text;
  table.print_rows(width, marks, [&text](const std::string& line) {
    std::string shown = line;
    for (const auto& [from, to] : {std::pair("\033[7m", "<"), std::pair("\033[0m", ">")})
      for (std::size_t at; (at = shown.find(from)) != std::string::npos;)
        shown.replace(at, std::string(from).size(), to);
    text += shown + "\n";
    return true;
  });
  return text;
}

const std::vector<std::string> kSongs = {R"({"n":"a","p":1})", R"({"n":"b","p":22})",
                                         R"({"n":"c","p":3})"};

}  // namespace

TEST_CASE("table: columns are aligned, numbers to the right, wide characters by their width") {
  CHECK(table(kSongs) == "n   p\n-  --\na   1\nb  22\nc   3\n");
  CHECK(table({R"({"n":"日本","p":"x"})", R"({"n":"abcde","p":null})"}) ==
        "n      p\n-----  ----\n日本   x\nabcde  NULL\n");
}

TEST_CASE("table: what is too wide is shortened, the widest column first") {
  CHECK(table({R"({"long":"abcdefghijkl","short":"xyz"})"}, 14) ==
        "long     short\n-------  -----\nabcdef…  xyz\n");
}

TEST_CASE("table: in parts the columns only get wider, and one more brings the head again") {
  TextTable table({"n"});
  std::string text;
  const auto part = [&](const std::vector<std::string>& rows) {
    for (const std::string& row : rows) table.add_row(row);
    text.clear();
    return table.print_part(0, [&text](const std::string& line) {
      text += line + "\n";
      return line != "stop";
    });
  };
  CHECK(part({R"({"n":"a"})", R"({"n":"bcd"})"}));
  CHECK(text == "n\n---\na\nbcd\n");
  CHECK(part({R"({"n":"e"})"}));
  CHECK(text == "e\n");
  CHECK(part({R"({"n":"f","p":22})", R"({"n":"longer","p":3})"}));
  CHECK(text == "n        p\n------  --\nf       22\nlonger   3\n");
  CHECK(table.row_count() == 5);
  CHECK(!part({R"({"n":"stop"})"}));
  CHECK(!table.wants_part());
  while (!table.wants_part()) table.add_row(R"({"n":"g"})");
  CHECK(table.row_count() > 1000);
}

TEST_CASE("table: arrays and objects stand below their row, indented") {
  CHECK(table({R"({"n":"a","of":[{"x":1,"y":[{"z":true}]}],"bare":[1,"b c",null]})",
               R"({"n":"b","of":[],"bare":[]})"}) ==
        "n\n-\na\n  of:\n    x\n    -\n    1\n      y:\n        z\n        ----\n        true\n"
        "  bare: 1, b c, NULL\nb\n  of: none\n  bare: none\n");
  CHECK(table({R"({"o":{"k":1,"l":"m"}})"}) == "#1\n  o:\n    k  l\n    -  -\n    1  m\n");
  CHECK(table({R"({"o":null,"p":5})", R"({"o":{"k":1},"p":6})"}) ==
        "p\n-\n5\n  o: NULL\n6\n  o:\n    k\n    -\n    1\n");
  CHECK(table({R"({"j":[{"a":1},2]})"}) == "#1\n  j: {\"a\":1}, 2\n");
}

TEST_CASE("marks: a replaced cell, a new row, and rows that move along with their marks") {
  CHECK(table(kSongs, 0, R"([{"op":"replace","path":"/1/p","value":22}])") ==
        "n   p\n-  --\na   1\nb  <22>\nc   3\n");
  CHECK(table(kSongs, 0, R"([{"op":"add","path":"/0","value":{}}])") ==
        "n   p\n-  --\n<a>   <1>\nb  22\nc   3\n");
  // The row that was marked at 0 is at 1 after another came before it.
  CHECK(table(kSongs, 0,
              R"([{"op":"replace","path":"/0/n","value":"b"},{"op":"add","path":"/0","value":{}},)"
              R"({"op":"remove","path":"/0"},{"op":"move","from":"/0","path":"/2"}])") ==
        "n   p\n-  --\na   1\nb  22\n<c>   3\n");
  CHECK(table(kSongs, 0, R"([{"op":"replace","path":"","value":[]}])") ==
        "n   p\n-  --\n<a>   <1>\n<b>  <22>\n<c>   <3>\n");
  CHECK(table({R"({"a/b":1,"of":[{"x":1},{"x":2}],"bare":[7,8]})"}, 0,
              R"([{"op":"replace","path":"/0/a~1b","value":1},)"
              R"({"op":"replace","path":"/0/of/1/x","value":2},)"
              R"({"op":"add","path":"/0/bare/1","value":8}])") ==
        "a/b\n---\n  <1>\n  of:\n    x\n    -\n    1\n    <2>\n  bare: 7, <8>\n");
}

TEST_CASE("bar: how far, how fast, how long still") {
  const auto bytes = ProgressBar::Unit::kBytes;
  CHECK(ProgressBar::text(bytes, 25'000'000, 100'000'000, 0.5) ==
        "[##########..............................]  25 %  50.0 MB/s  0:02 left");
  CHECK(ProgressBar::text(ProgressBar::Unit::kRows, 1000, 4'000'000, 1) ==
        "[........................................]   0 %  1000 rows/s  1:06:39 left");
  CHECK(ProgressBar::text(bytes, 1, 2, 0.001) ==
        "[####################....................]  50 %");
  CHECK(ProgressBar::text(bytes, 0, 0, 9) == "[########################################] 100 %");
}

TEST_CASE("dot commands: name, words, quotes, a last semicolon") {
  const DotLine line = parse_dot_line(".import  'my table' \"a b.csv\"  replace ;");
  REQUIRE(line.command != nullptr);
  CHECK(line.command->dot == Dot::kImport);
  CHECK(line.words(3) == std::vector<std::string>{"my table", "a b.csv", "replace"});
  CHECK(line.words(1) == std::vector<std::string>{"my table", "\"a b.csv\"  replace"});
  CHECK(parse_dot_line(".tables;").command->dot == Dot::kTables);
  CHECK(parse_dot_line(".quit").rest == "");
  CHECK(parse_dot_line(".exit").command->dot == Dot::kQuit);
  CHECK(parse_dot_line(".nonsense x").command == nullptr);
  for (const DotCommand& command : dot_commands())
    CHECK(("\n" + dot_help()).find("\n  " + std::string(command.name)) != std::string::npos);
}

}  // namespace tremula::cli
