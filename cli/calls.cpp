#include "cli/calls.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cli/parameter.h"
#include "cli/printer.h"

namespace tremula::cli {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

Result<std::string> read_script(const std::string& path) {
  auto failed = [&] {
    return command_error(ErrorCode::kIo, "cannot read " + path + ": " + std::strerror(errno));
  };
  std::unique_ptr<std::FILE, CloseFile> file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  if (!file) return failed();
  std::string text;
  char buffer[1 << 16];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, file.get()))
    text.append(buffer, got);
  if (std::ferror(file.get())) return failed();
  return text;
}

Result<std::vector<Parameter>> parse_parameters(const std::vector<std::string>& texts) {
  std::vector<Parameter> parameters;
  for (const std::string& text : texts) {
    auto parameter = parse_parameter(text);
    if (!parameter) return parameter.error();
    parameters.push_back(std::move(parameter).value());
  }
  return parameters;
}

int fail(const Error& error) {
  print_error(error);
  return kExitFailed;
}

}  // namespace

Result<Database> open_database(const Invocation& invocation) {
  if (invocation.directory.empty()) return Database::in_memory();
  return Database::open(invocation.directory);
}

int run_file(const Invocation& invocation) {
  const auto script = read_script(invocation.file);
  if (!script) return fail(script.error());
  const auto parameters = parse_parameters(invocation.parameters);
  if (!parameters) return fail(parameters.error());
  std::vector<NamedValue> named;
  for (const Parameter& parameter : parameters.value())
    named.push_back({parameter.name, parameter.value});
  auto database = open_database(invocation);
  if (!database) return fail(database.error());

  Printer printer(Mode::kJson);
  const auto result = database.value().run(script.value(), named,
                                           [&](const Output& output) { printer.take(output); });
  const bool printed = printer.finish();
  if (!result) print_error(result.error());
  const auto durable = database.value().wait_durable({database.value().version()});
  if (!durable) print_error(durable.error());
  const bool well = printed && durable && result && result.value().errors.empty();
  return well ? kExitOk : kExitFailed;
}

int run_query(const Invocation& invocation) {
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const auto rows = database.value().query(invocation.select);
  if (!rows) return fail(rows.error());
  Printer printer(mode_named(invocation.format).value_or(default_mode()));
  printer.rows(rows.value());
  return printer.finish() ? kExitOk : kExitFailed;
}

int run_explain(const Invocation& invocation) {
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  if (invocation.dot) return refuse_call(invocation);
  const auto plan = database.value().explain(invocation.select);
  if (!plan) return fail(plan.error());
  std::fputs(plan.value().c_str(), stdout);
  return kExitOk;
}

int refuse_call(const Invocation& invocation) {
  const std::string what = invocation.dot ? "explain --dot" : invocation.name;
  return fail(command_error(ErrorCode::kUnsupported,
                            "this build has no `tremula " + what +
                                "`: it needs databases in "
                                "directories, and has them in memory only (`tremula run FILE`)"));
}

}  // namespace tremula::cli
