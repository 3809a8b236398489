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

Result<std::vector<Parameter>> parse_parameters(const std::vector<std::string>& texts) {
  std::vector<Parameter> parameters;
  for (const std::string& text : texts) {
    auto parameter = parse_parameter(text);
    if (!parameter) return parameter.error();
    parameters.push_back(std::move(parameter).value());
  }
  return parameters;
}

}  // namespace

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

int fail(const Error& error) {
  print_error(error);
  return kExitFailed;
}

bool makes_directory(Call call) {
  return call == Call::kShell || call == Call::kRun || call == Call::kImport ||
         call == Call::kMerge || call == Call::kRestore || call == Call::kServe ||
         call == Call::kDemo;
}

Result<Database> open_database(const Invocation& invocation) {
  if (invocation.directory.empty()) return Database::in_memory();
  Options options;
  options.create = makes_directory(invocation.call);
  return Database::open(invocation.directory, options);
}

int end_call(Database& database, bool well) {
  const auto durable = database.wait_durable({database.version()});
  if (!durable) print_error(durable.error());
  return well && durable ? kExitOk : kExitFailed;
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
  return end_call(database.value(), printed && result && result.value().errors.empty());
}

int refuse_call(const Invocation& invocation) {
  if (!makes_directory(invocation.call)) {
    auto database = open_database(invocation);
    if (!database) return fail(database.error());
  }
  const std::string& what = invocation.name;
  return fail(
      command_error(ErrorCode::kUnsupported, "this build has no `tremula " + what + "` yet"));
}

}  // namespace tremula::cli
