// What the tidy test rests on: a reader that overlooked functions would let everything pass.
#include <doctest/doctest.h>

#include "tests/tidy/source_text.h"

namespace tremula::tidy {
namespace {

// The functions of a text as "first-last first-last".
std::string found(std::string_view text) {
  std::string all;
  for (const Function& function : functions_of(text)) {
    all += all.empty() ? "" : " ";
    all += std::to_string(function.first_line) + "-" + std::to_string(function.last_line);
  }
  return all;
}

}  // namespace

TEST_CASE("source text: functions are found in namespaces, classes and templates") {
  CHECK(found("int f() {\n  return 1;\n}\n") == "1-3");
  CHECK(found("namespace a {\nnamespace {\nint f() { return 1; }\n}\n}\n") == "3-3");
  CHECK(found("class A {\n public:\n  A() : a_{1} {\n  }\n  int a() const { return a_; }\n};\n") ==
        "3-4 5-5");
  CHECK(found("template <typename T>\nvoid f(T t) {\n}\n") == "1-3");
  CHECK(found("static int f(\n    int a,\n    int b) {\n  return a;\n}\n") == "1-5");
  CHECK(found("struct A f(struct B b) {\n}\n") == "1-2");
  CHECK(found("extern \"C\" int f() {\n}\n") == "1-2");
  CHECK(found("TEST_CASE(\"a name\") {\n  CHECK(true);\n}\n") == "1-3");
}

TEST_CASE("source text: what is inside a function belongs to it") {
  CHECK(found("void f() {\n  if (a) {\n  }\n  auto g = [&](int b) {\n  };\n}\n") == "1-6");
  CHECK(found("void f() {\n  const char c = '}';\n  g(\"}\");  // }\n  /* } */\n}\n") == "1-5");
  CHECK(found("void f() {\n  g(R\"x(}\")x\");\n  h(1'000);\n}\n") == "1-4");
}

TEST_CASE("source text: types, lists and declarations are no functions") {
  CHECK(found("struct A {\n  int a = 1;\n};\nenum class B { kA, kB };\n") == "");
  CHECK(found("int f();\nconst int kA[] = {\n  1,\n};\n") == "");
  CHECK(found("#define F(a) { a }\n#define G(a) \\\n  { a }\nint a;\n") == "");
}

TEST_CASE("source text: includes, columns and lines are counted as a reader does") {
  const auto includes = includes_of(lines_of("// x\n#include <a/b.h>\n  #include \"c.h\"  // y\n"));
  REQUIRE(includes.size() == 2);
  CHECK(includes[0].header == "a/b.h");
  CHECK(includes[0].angled);
  CHECK(includes[0].line == 2);
  CHECK(includes[1].header == "c.h");
  CHECK(!includes[1].angled);
  CHECK(columns_of("aé…") == 3);
  CHECK(lines_of("a\n\nb").size() == 3);
}

}  // namespace tremula::tidy
