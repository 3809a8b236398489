#include "cli/upkeep_calls.h"

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "cli/calls.h"
#include "cli/printer.h"
#include "cli/watched_files.h"
#include "db/face_convert.h"
#include "persist/directory.h"
#include "persist/posix_file_system.h"

namespace tremula::cli {
namespace {

using persist::DirectoryReport;

// How often each byte is read or written: a check verifies the checksums, then what the rows say
// together; a copy is read, written, and checked.
constexpr std::uint64_t kCheckPasses = 2;
constexpr std::uint64_t kCopyPasses = 3;

int say_version(std::string_view what, const base::Result<std::uint64_t>& version) {
  if (!version.ok()) return fail(db::to_face(version.error(), {}));
  std::printf("{\"%.*s\":%llu}\n", static_cast<int>(what.size()), what.data(),
              static_cast<unsigned long long>(version.value()));
  return std::fflush(stdout) == 0 ? kExitOk : kExitFailed;
}

std::string line_of(const DirectoryReport& report) {
  const std::pair<const char*, std::uint64_t> members[] = {
      {"version", report.version}, {"tables", report.tables},           {"rows", report.rows},
      {"triples", report.triples}, {"commits_in_log", report.commits},  {"files", report.files},
      {"bytes", report.bytes},     {"problems", report.problems.size()}};
  std::string line;
  for (const auto& [name, value] : members) {
    line += (line.empty() ? "{\"" : ",\"") + std::string(name) + "\":" + std::to_string(value);
  }
  return line + "}\n";
}

int dump(base::FileSystem& files, const Invocation& invocation) {
  const auto dumped =
      persist::dump_file(files, invocation.directory, invocation.file, [](std::string_view line) {
        std::fwrite(line.data(), 1, line.size(), stdout);
        std::fputc('\n', stdout);
      });
  if (std::fflush(stdout) != 0) return kExitFailed;
  return dumped.ok() ? kExitOk : fail(db::to_face(dumped.error(), {}));
}

}  // namespace

int run_check(const Invocation& invocation) {
  if (!invocation.file.empty()) return dump(*persist::make_posix_file_system(), invocation);
  WatchedFiles files(persist::make_posix_file_system(), invocation.directory, kCheckPasses);
  const auto report = persist::check_directory(files, invocation.directory);
  files.end_bar();
  if (!report.ok()) return fail(db::to_face(report.error(), {}));
  std::fputs(line_of(report.value()).c_str(), stdout);
  if (std::fflush(stdout) != 0) return kExitFailed;
  for (const base::Error& problem : report.value().problems) {
    print_error(db::to_face(problem, {}));
  }
  return report.value().problems.empty() ? kExitOk : kExitFailed;
}

int run_backup(const Invocation& invocation) {
  WatchedFiles files(persist::make_posix_file_system(), invocation.directory, kCopyPasses);
  const auto version = persist::backup_directory(files, invocation.directory, invocation.file);
  files.end_bar();
  return say_version("backed_up", version);
}

int run_restore(const Invocation& invocation) {
  WatchedFiles files(persist::make_posix_file_system(), invocation.file, kCopyPasses);
  const auto version = persist::restore_directory(files, invocation.file, invocation.directory);
  files.end_bar();
  return say_version("restored", version);
}

}  // namespace tremula::cli
