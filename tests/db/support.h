// What tests of the database share: a script's outputs as short text.
#pragma once

#include <tremula/tremula.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace tremula::test {

// "schema_conflict", or with a place "schema_conflict at 1:7".
inline std::string name_of(const Error& error) {
  std::string text(error_code_name(error.code));
  if (error.line != 0) {
    text += " at " + std::to_string(error.line) + ":" + std::to_string(error.column);
  }
  return text;
}

// What the script prints, a line each; errors as "! unknown_table at 1:15" where they stand.
inline std::string run(Database& db, std::string_view script, NamedValues parameters = {}) {
  std::string printed;
  const auto add = [&printed](std::string_view line) {
    if (!printed.empty()) printed += '\n';
    printed += line;
  };
  auto result = db.run(script, parameters, [&](const Output& output) {
    if (output.kind == OutputKind::kColumns) return;
    if (output.kind == OutputKind::kError) return add("! " + name_of(*output.error));
    add(output.text);
  });
  if (!result.ok()) add("! " + name_of(result.error()));
  return printed;
}

// The code alone of the error that a script ends with, "" if it doesn't.
inline std::string code_of(Database& db, std::string_view script, NamedValues parameters = {}) {
  auto result = db.run(script, parameters);
  return result.ok() ? "" : std::string(error_code_name(result.error().code));
}

// A file in the directory for temporary files, gone at the end of its scope.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view contents = {}) {
    static int count = 0;
    const char* directory = std::getenv("TMPDIR");
    path_ = std::string(directory == nullptr ? "/tmp" : directory) + "/tremula_db_test_" +
            std::to_string(reinterpret_cast<std::uintptr_t>(this)) + "_" +
            std::to_string(++count) + ".csv";
    std::ofstream(path_, std::ios::binary) << contents;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }
  std::string contents() const {
    std::ostringstream text;
    text << std::ifstream(path_, std::ios::binary).rdbuf();
    return text.str();
  }

 private:
  std::string path_;
};

}  // namespace tremula::test
