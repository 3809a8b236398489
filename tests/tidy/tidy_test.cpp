// The rules of the house, held against the tree: floors, doors of third parties, sizes, paths.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/tidy/source_text.h"

namespace tremula::tidy {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kRooms = {"include", "core",  "lang",  "persist", "db",
                                         "cli",     "tests", "bench", "examples"};

struct SourceFile {
  std::string path;    // from the root, with '/'
  std::string folder;  // "core/base", "lang/treeql", "db", "tests", ...
  std::string text;
  std::vector<std::string> lines;
};

bool is_source(const std::string& path) { return path.ends_with(".h") || path.ends_with(".cpp"); }

// "core" and "lang" have rooms of their own below them; all else is one room.
std::string folder_of(const std::string& path) {
  const std::size_t first = path.find('/');
  const std::string top = path.substr(0, first);
  if (top != "core" && top != "lang") return top;
  return path.substr(0, path.find('/', first + 1));
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<SourceFile> read_tree() {
  const fs::path root = TREMULA_SOURCE_ROOT;
  std::vector<SourceFile> files;
  for (const std::string& room : kRooms) {
    if (!fs::exists(root / room)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      const std::string path = fs::relative(entry.path(), root).generic_string();
      if (!entry.is_regular_file() || !is_source(path)) continue;
      std::string text = read_file(entry.path());
      std::vector<std::string> lines = lines_of(text);
      files.push_back({path, folder_of(path), std::move(text), std::move(lines)});
    }
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

const std::vector<SourceFile>& tree() {
  static const std::vector<SourceFile> kTree = read_tree();
  return kTree;
}

// All complaints of one rule as one text, so that one run shows them all.
class Complaints {
 public:
  void add(const SourceFile& file, std::size_t line, const std::string& what) {
    text_ += file.path + ":" + std::to_string(line) + ": " + what + "\n";
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// What a folder may include of ours besides itself (style.md, section 1).
const std::map<std::string, std::set<std::string>>& floors() {
  static const std::map<std::string, std::set<std::string>> kFloors = [] {
    std::map<std::string, std::set<std::string>> floors;
    const std::set<std::string> zero_and_one = {"core/base", "core/triples"};
    floors["core/base"] = {};
    floors["core/triples"] = {"core/base"};
    for (const char* second : {"core/lsm", "core/dataflow", "core/crdt"})
      floors[second] = zero_and_one;
    floors["lang/treeql"] = zero_and_one;
    floors["lang/treeql"].insert("core/dataflow");
    floors["persist"] = zero_and_one;
    floors["persist"].insert({"core/lsm", "core/crdt"});
    std::set<std::string> all = zero_and_one;
    all.insert({"core/lsm", "core/dataflow", "core/crdt", "lang/treeql", "persist"});
    // The face is db's: it may name what db knows, and db includes it.
    all.insert("include");
    floors["db"] = all;
    floors["include"] = {};
    all.insert("db");
    for (const char* top : {"cli", "tests", "bench"}) floors[top] = all;
    floors["tests"].insert("cli");
    floors["examples"] = {"include"};
    return floors;
  }();
  return kFloors;
}

// The header of ours that an include names, as the folder it stands in; "" if it is not ours.
std::string folder_included(const std::string& header) {
  if (header.starts_with("tremula/")) return "include";
  for (const auto& [folder, below] : floors())
    if (header.starts_with(folder + "/")) return folder;
  return "";
}

// Third parties and the files that may open their door.
const std::map<std::string, std::vector<std::string>>& doors() {
  static const std::map<std::string, std::vector<std::string>> kDoors = {
      {"boost/", {"core/base/containers.h"}},
      {"xxhash.h", {"core/base/"}},
      {"lz4.h", {"core/base/compression.cpp"}},
      {"roaring/", {"core/triples/subject_set.h"}},
      {"nlohmann/", {"core/triples/"}},
      {"doctest/", {"tests/"}},
      {"sqlite3.h", {"tests/", "bench/"}},
      {"CLI/", {"cli/arguments.cpp"}},
      {"histedit.h", {"cli/line_editor.cpp"}},
      {"editline/", {}},
  };
  return kDoors;
}

}  // namespace

TEST_CASE("tidy: the tree is there to be read") {
  CHECK(tree().size() > 40);
  CHECK(std::any_of(tree().begin(), tree().end(),
                    [](const SourceFile& file) { return file.path == "core/base/result.h"; }));
}

TEST_CASE("tidy: a file includes its own folder and the floors below") {
  Complaints complaints;
  for (const SourceFile& file : tree()) {
    const auto allowed = floors().find(file.folder);
    REQUIRE_MESSAGE(allowed != floors().end(), file.path, " stands on no floor");
    for (const Include& include : includes_of(file.lines)) {
      const std::string folder = folder_included(include.header);
      if (folder.empty() || folder == file.folder || allowed->second.contains(folder)) continue;
      complaints.add(file, include.line, file.folder + " may not include " + include.header);
    }
  }
  CHECK(complaints.text() == "");
}

TEST_CASE("tidy: an include of ours is written from the root and exists") {
  Complaints complaints;
  const fs::path root = TREMULA_SOURCE_ROOT;
  for (const SourceFile& file : tree()) {
    for (const Include& include : includes_of(file.lines)) {
      if (include.angled) continue;
      if (fs::exists(root / include.header) || fs::exists(root / "include" / include.header))
        continue;
      complaints.add(file, include.line, "there is no " + include.header);
    }
  }
  CHECK(complaints.text() == "");
}

TEST_CASE("tidy: a third party comes in by its door alone") {
  Complaints complaints;
  for (const SourceFile& file : tree()) {
    for (const Include& include : includes_of(file.lines)) {
      for (const auto& [party, files] : doors()) {
        if (!include.header.starts_with(party)) continue;
        const bool open = std::any_of(files.begin(), files.end(), [&](const std::string& door) {
          return file.path.starts_with(door);
        });
        if (!open) complaints.add(file, include.line, include.header + " has another door");
      }
    }
  }
  CHECK(complaints.text() == "");
}

TEST_CASE("tidy: every header is included by another file") {
  std::set<std::string> included;
  for (const SourceFile& file : tree()) {
    for (const Include& include : includes_of(file.lines)) {
      included.insert(include.header);
      included.insert("include/" + include.header);
    }
  }
  Complaints complaints;
  for (const SourceFile& file : tree()) {
    if (file.path.ends_with(".h") && !included.contains(file.path))
      complaints.add(file, 1, "nobody includes it");
  }
  CHECK(complaints.text() == "");
}

TEST_CASE("tidy: no line is over 100 columns") {
  Complaints complaints;
  for (const SourceFile& file : tree()) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::size_t columns = columns_of(file.lines[i]);
      if (columns > 100) complaints.add(file, i + 1, std::to_string(columns) + " columns");
    }
  }
  CHECK(complaints.text() == "");
}

TEST_CASE("tidy: no file is over 600 lines, no test over 800") {
  Complaints complaints;
  for (const SourceFile& file : tree()) {
    const std::size_t lines_max = file.folder == "tests" ? 800 : 600;
    if (file.lines.size() > lines_max)
      complaints.add(file, file.lines.size(), "is over " + std::to_string(lines_max) + " lines");
  }
  CHECK(complaints.text() == "");
}

TEST_CASE("tidy: no function is over 70 lines") {
  Complaints complaints;
  for (const SourceFile& file : tree()) {
    for (const Function& function : functions_of(file.text)) {
      const std::size_t lines = function.last_line - function.first_line + 1;
      if (lines > 70)
        complaints.add(file, function.first_line,
                       "a function of " + std::to_string(lines) + " lines");
    }
  }
  CHECK(complaints.text() == "");
}

TEST_CASE("tidy: core and lang have no threads, no files and no exceptions") {
  const std::vector<std::string> banned = {"thread",     "mutex",     "fstream",
                                           "filesystem", "iostream",  "cstdio",
                                           "stdexcept",  "exception", "unistd.h"};
  Complaints complaints;
  for (const SourceFile& file : tree()) {
    if (!file.path.starts_with("core/") && !file.path.starts_with("lang/")) continue;
    // Telling of a bug on standard error, just before the end, is the one thing allowed.
    if (file.path == "core/base/check.cpp") continue;
    for (const Include& include : includes_of(file.lines)) {
      if (std::find(banned.begin(), banned.end(), include.header) != banned.end())
        complaints.add(file, include.line, "may not include <" + include.header + ">");
    }
  }
  CHECK(complaints.text() == "");
}

TEST_CASE("tidy: no file holds a path of a machine or an unfinished thought") {
  // Put together here, so that this file doesn't complain of itself.
  const std::vector<std::string> banned = {std::string("/wo") + "rk/", std::string("/ho") + "me/",
                                           std::string("TO") + "DO", std::string("FIX") + "ME"};
  const fs::path root = TREMULA_SOURCE_ROOT;
  std::string complaints;
  std::size_t files = 0;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::end(entry); ++entry) {
    const std::string path = fs::relative(entry->path(), root).generic_string();
    // What is built, what git keeps, and recorded answers: nobody writes them.
    if (path == "build" || path == ".git" || path == ".cache" || path == "tests/conformance")
      entry.disable_recursion_pending();
    if (!entry->is_regular_file()) continue;
    ++files;
    const std::string text = read_file(entry->path());
    for (const std::string& word : banned)
      if (text.find(word) != std::string::npos) complaints += path + ": " + word + "\n";
  }
  CHECK(files > 100);
  CHECK(complaints == "");
}

TEST_CASE("tidy: README.md shows examples/hello.cpp as it is") {
  const fs::path root = TREMULA_SOURCE_ROOT;
  const std::string hello = read_file(root / "examples/hello.cpp");
  REQUIRE(!hello.empty());
  CHECK(read_file(root / "README.md").find("```cpp\n" + hello + "```") != std::string::npos);
}

}  // namespace tremula::tidy
