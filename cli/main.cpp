// The tremula command: see `tremula help`, and arguments.h for the calls.
#include <clocale>
#include <cstdlib>

#include "cli/arguments.h"
#include "cli/board.h"
#include "cli/calls.h"
#include "cli/demo.h"
#include "cli/directory_calls.h"
#include "cli/shell.h"
#include "cli/upkeep_calls.h"

namespace tremula::cli {
namespace {

int run(const Invocation& invocation) {
  switch (invocation.call) {
    case Call::kShell: return run_shell(invocation);
    case Call::kRun: return run_file(invocation);
    case Call::kQuery: return run_query(invocation);
    case Call::kExplain: return run_explain(invocation);
    case Call::kDemo: return invocation.is_board ? run_board(invocation) : run_demo();
    case Call::kWatch: return run_watch(invocation);
    case Call::kImport: return run_import(invocation);
    case Call::kExport: return run_export(invocation);
    case Call::kCheck: return run_check(invocation);
    case Call::kBackup: return run_backup(invocation);
    case Call::kRestore: return run_restore(invocation);
    case Call::kServe: return run_serve(invocation);
    case Call::kChanges: return run_changes(invocation);
    case Call::kMerge: return run_merge(invocation);
  }
  return kExitUsage;
}

}  // namespace
}  // namespace tremula::cli

int main(int argc, char** argv) {
  // For the width of what is printed on a terminal; texts are UTF-8, whatever the machine's locale.
  std::setlocale(LC_CTYPE, "");
  if (MB_CUR_MAX < 4) std::setlocale(LC_CTYPE, "C.UTF-8");
  const auto parsed = tremula::cli::parse_arguments(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  return tremula::cli::run(std::get<tremula::cli::Invocation>(parsed));
}
