#include "cli/shell.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "cli/calls.h"
#include "cli/completion.h"
#include "cli/line_editor.h"
#include "cli/printer.h"
#include "lang/treeql/statement.h"

namespace tremula::cli {
namespace {

constexpr std::string_view kHelp =
    "Statements end with `;` and may take several lines; Ctrl-C forgets what was typed.\n"
    "  .help                  this text\n"
    "  .tables                the tables and how many rows they have\n"
    "  .schema [TABLE]        the columns of one table or of all\n"
    "  .mode json|table|csv   how results are printed\n"
    "  .quit                  leaves, as Ctrl-D does\n";

constexpr std::string_view kColumnsOfAllTables =
    "SELECT t.name AS \"table\", c.number, c.name, c.type, c.key, c.index, c.merge, c.declared "
    "FROM tremula_table AS t JOIN tremula_column AS c ON c.table_number = t.number";

// A file of the user's home, unless TREMULA_HISTORY names another one.
std::string history_path() {
  if (const char* path = std::getenv("TREMULA_HISTORY")) return path;
  const char* home = std::getenv("HOME");
  return home == nullptr ? "" : std::string(home) + "/.tremula_history";
}

class Shell {
 public:
  explicit Shell(Database& database)
      : printer_(default_mode()),
        session_(database, [this](const Output& output) { printer_.take(output); }),
        words_(database),
        editor_(history_path(), [this](std::string_view prefix) { return words_.match(prefix); }) {}

  int loop() {
    std::fputs("Tremula " TREMULA_VERSION ", `.help` for help\n", stderr);
    while (auto line = editor_.read(statement_.empty() ? "tremula> " : "    ...> ")) {
      if (line->cancelled) {
        statement_.clear();
        continue;
      }
      if (!line->text.empty()) editor_.remember(line->text);
      if (statement_.empty() && line->text.starts_with('.')) {
        if (!command(line->text)) break;
        continue;
      }
      statement_ += line->text + "\n";
      if (treeql::is_incomplete(statement_)) continue;
      execute(std::exchange(statement_, {}));
    }
    return printer_.finish() ? kExitOk : kExitFailed;
  }

 private:
  void execute(std::string_view script, NamedValues parameters = {}) {
    const auto result = session_.run(script, parameters);
    const bool printed = printer_.finish();
    if (!result) print_error(result.error());
    for (const std::string& name : printer_.take_changed()) {
      const auto rows = session_.result_of(name);
      if (rows) printer_.draw(name, rows.value());
    }
    if (!printed || !printer_.finish()) std::exit(kExitFailed);
  }

  // Returns: false to leave.
  bool command(std::string_view line) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view name = line.substr(0, end);
    std::string_view argument = line.substr(end);
    argument.remove_prefix(std::min(argument.find_first_not_of(' '), argument.size()));
    argument = argument.substr(0, argument.find_last_not_of(' ') + 1);
    if (name == ".quit" || name == ".exit") return false;
    if (name == ".help") {
      std::fwrite(kHelp.data(), 1, kHelp.size(), stderr);
    } else if (name == ".tables") {
      execute("SHOW TABLES;");
    } else if (name == ".schema") {
      schema(argument);
    } else if (name == ".mode") {
      if (const auto mode = mode_named(argument)) {
        printer_.set_mode(*mode);
      } else {
        std::fputs(".mode takes json, table or csv\n", stderr);
      }
    } else {
      std::fprintf(stderr, "there is no %.*s; `.help` lists the commands\n",
                   static_cast<int>(name.size()), name.data());
    }
    return true;
  }

  void schema(std::string_view table) {
    const std::string select(kColumnsOfAllTables);
    if (table.empty()) return execute(select + ";");
    execute(select + " WHERE t.name = $table;", {{"table", table}});
  }

  Printer printer_;
  Session session_;
  Words words_;
  LineEditor editor_;
  std::string statement_;  // the lines of it that were typed so far
};

}  // namespace

int run_shell(const Invocation& invocation) {
  if (!isatty(STDIN_FILENO)) {
    Invocation script = invocation;
    script.file = "-";
    return run_file(script);
  }
  auto database = open_database(invocation);
  if (!database) {
    print_error(database.error());
    return kExitFailed;
  }
  const int status = Shell(database.value()).loop();
  return end_call(database.value(), status == kExitOk);
}

}  // namespace tremula::cli
