#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

#include "cli/manual.h"

namespace tremula::cli {
namespace {

using Calls = std::map<const CLI::App*, Call>;

CLI::Option* directory(CLI::App& app, Invocation& to) {
  return app.add_option("DIR", to.directory, "the database's directory")->required();
}

CLI::Option* select(CLI::App& app, Invocation& to) {
  return app.add_option("SELECT", to.select, "one SELECT statement")->required();
}

void add_reading_calls(CLI::App& app, Invocation& to, Calls& calls) {
  auto& query = *app.add_subcommand("query", "One read of the database in DIR");
  directory(query, to);
  select(query, to);
  query.add_option("--format", to.format, "json, table or csv")
      ->check(CLI::IsMember({"json", "table", "csv"}));
  calls[&query] = Call::kQuery;

  auto& watch = *app.add_subcommand("watch", "A live query: its snapshot, then every patch");
  directory(watch, to);
  select(watch, to);
  watch.add_option("--commits", to.commits, "end after so many patches")
      ->check(CLI::PositiveNumber);
  watch.add_option("--timeout", to.timeout_s, "end after so many seconds")
      ->check(CLI::NonNegativeNumber);
  calls[&watch] = Call::kWatch;

  auto& explain = *app.add_subcommand("explain", "The plan of a SELECT");
  directory(explain, to);
  select(explain, to);
  explain.add_flag("--dot", to.dot, "as Graphviz");
  calls[&explain] = Call::kExplain;
}

void add_file_calls(CLI::App& app, Invocation& to, Calls& calls) {
  auto& import = *app.add_subcommand("import", "Reads a CSV file into a table");
  directory(import, to);
  import.add_option("TABLE", to.table, "the table")->required();
  import.add_option("FILE", to.file, "the CSV file")->required();
  import.add_flag("--replace", to.replace, "make the table equal to the file");
  calls[&import] = Call::kImport;

  auto& exported = *app.add_subcommand("export", "Writes a SELECT's rows into a CSV file");
  directory(exported, to);
  select(exported, to);
  exported.add_option("FILE", to.file, "the CSV file")->required();
  calls[&exported] = Call::kExport;

  auto& changes = *app.add_subcommand("changes", "The records above a version, as JSON lines");
  directory(changes, to);
  changes.add_option("--since", to.since, "the version")->check(CLI::NonNegativeNumber);
  calls[&changes] = Call::kChanges;

  auto& merge = *app.add_subcommand("merge", "Takes another database's records in");
  directory(merge, to);
  merge.add_option("FILE", to.file, "the records")->required();
  calls[&merge] = Call::kMerge;
}

void add_upkeep_calls(CLI::App& app, Invocation& to, Calls& calls) {
  auto& check = *app.add_subcommand("check", "Verifies every checksum and invariant on disk");
  directory(check, to);
  check.add_option("--dump", to.file, "a file of DIR, to show as text instead");
  calls[&check] = Call::kCheck;

  auto& backup = *app.add_subcommand("backup", "A consistent copy while others write");
  directory(backup, to);
  backup.add_option("DEST", to.file, "the new directory")->required();
  calls[&backup] = Call::kBackup;

  auto& restore = *app.add_subcommand("restore", "A database from a backup, with a new site id");
  restore.add_option("SOURCE", to.file, "the backup")->required();
  directory(restore, to);
  calls[&restore] = Call::kRestore;

  auto& serve = *app.add_subcommand("serve", "Holds the persister for DIR in its own process");
  directory(serve, to);
  serve.add_option("--listen", to.listen, "the address to listen at");
  calls[&serve] = Call::kServe;
}

void add_run(CLI::App& app, Invocation& to, Calls& calls) {
  auto& run = *app.add_subcommand("run", "Runs a script; prints JSON lines");
  run.add_option("FILE", to.file, "the script; - is standard input")->required();
  run.add_option("--db", to.directory, "the database's directory; without it, in memory");
  run.add_option("--param", to.parameters, "a parameter: a JSON scalar if it is one, else TEXT")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->each([](const std::string& text) {
        if (text.find('=') == std::string::npos || text.front() == '=')
          throw CLI::ValidationError("--param", "'" + text + "' is not name=value");
      });
  calls[&run] = Call::kRun;
}

void add_demo(CLI::App& app, Invocation& to, Calls& calls) {
  auto& demo = *app.add_subcommand("demo", "The music shop, with live queries that change");
  demo.require_subcommand(0, 1);
  auto& board = *demo.add_subcommand(
      "board", "A board that everybody shares who calls this: one terminal each, on the same DIR");
  directory(board, to);
  calls[&demo] = Call::kDemo;
  board.callback([&to] { to.is_board = true; });
}

CallText text_of(const CLI::App& app, const std::string& name) {
  CallText call{.name = name, .arguments = {}, .text = app.get_description(), .options = {}};
  std::string flags;
  for (const CLI::Option* option : app.get_options()) {
    if (option == app.get_help_ptr() || option == app.get_version_ptr()) continue;
    const bool positional = option->get_positional();
    std::string written = option->get_name(positional);
    if (!positional && option->get_items_expected_max() > 0)
      written += " " + option->get_type_name();
    call.options.emplace_back(written, option->get_description());
    const std::string shown = option->get_required() ? written : "[" + written + "]";
    (positional ? call.arguments : flags) += " " + shown;
  }
  call.arguments += flags;
  if (!call.arguments.empty()) call.arguments.erase(0, 1);
  return call;
}

int print_manual(const CLI::App& app) {
  std::vector<CallText> calls = {text_of(app, "")};
  for (const CLI::App* call : app.get_subcommands({})) {
    calls.push_back(text_of(*call, call->get_name()));
    for (const CLI::App* inner : call->get_subcommands({}))
      calls.push_back(text_of(*inner, call->get_name() + " " + inner->get_name()));
  }
  std::cout << manual_page(calls);
  return kExitOk;
}

int print_help(const CLI::App& app, const std::string& call) {
  if (call.empty()) {
    // Not app.help(): that would tell of the call that was parsed, `help` itself.
    std::cout << app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
    return kExitOk;
  }
  for (const CLI::App* known : app.get_subcommands({})) {
    if (known->get_name() != call) continue;
    std::cout << known->help("tremula");
    return kExitOk;
  }
  std::cerr << "tremula help: there is no call '" << call << "'; `tremula help` lists them\n";
  return kExitUsage;
}

}  // namespace

std::variant<Invocation, int> parse_arguments(int argc, char** argv) {
  Invocation to;
  Calls calls;
  CLI::App app(
      "Tremula: an embedded database whose queries stay alive.\n"
      "Without a call: a shell on DIR, or on a database in memory; "
      "a script on standard input is run.",
      "tremula");
  app.set_version_flag("--version", "tremula " TREMULA_VERSION);
  app.add_option("DIR", to.directory, "the database's directory; without it, in memory");
  app.require_subcommand(0, 1);
  add_run(app, to, calls);
  add_reading_calls(app, to, calls);
  add_file_calls(app, to, calls);
  add_upkeep_calls(app, to, calls);
  add_demo(app, to, calls);
  auto& help = *app.add_subcommand("help", "What a call does");
  std::string help_about;
  bool manual = false;
  help.add_option("CALL", help_about, "the call");
  help.add_flag("--man", manual, "the manual page, for man(1)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == kExitOk ? kExitOk : kExitUsage;
  }
  if (help.parsed() && manual) return print_manual(app);
  if (help.parsed()) return print_help(app, help_about);
  const auto called = app.get_subcommands();
  if (called.empty()) return to;
  to.call = calls.at(called.front());
  to.name = called.front()->get_name();
  return to;
}

}  // namespace tremula::cli
