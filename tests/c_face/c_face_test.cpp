// The C face from C++: what comes of exceptions at its border. The rest is in c_face.c.
#include <doctest/doctest.h>
#include <tremula/tremula.h>
#include <tremula/tremula_c.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace tremula::test {

namespace {

struct Opened {
  Opened() {
    REQUIRE(tremula_open_memory(&db) == TREMULA_OK);
    REQUIRE(run("TABLE Song = 1 (Id INT = 1 KEY)") == TREMULA_OK);
  }
  ~Opened() { CHECK(tremula_close(db) == TREMULA_OK); }
  tremula_status run(const char* script) {
    return tremula_run(db, script, nullptr, 0, nullptr, nullptr);
  }
  tremula_subscription* listen(tremula_listener listener, void* user) {
    tremula_subscription* made = nullptr;
    REQUIRE(tremula_subscribe(db, "SELECT Id FROM Song", nullptr, 0, listener, user, nullptr,
                              &made) == TREMULA_OK);
    return made;
  }
  tremula_db* db = nullptr;
};

// Throws what `user` tells: 0 nothing, 1 a std::exception, 2 an int, 3 an error of ours.
int32_t throw_it(void* user, tremula_subscription*, const tremula_delta*) {
  switch (*static_cast<int*>(user)) {
    case 1: throw std::runtime_error("of the listener");
    case 2: throw 2;
    case 3: throw_error({.code = ErrorCode::kIo, .message = "m", .text = "error: io: m"});
    default: return 0;
  }
}

int32_t count(void* user, tremula_subscription*, const tremula_delta*) {
  ++*static_cast<int*>(user);
  return 0;
}

}  // namespace

TEST_CASE("an exception out of a listener comes back as a status, and the commit stands") {
  Opened c;
  int what = 1;
  int heard = 0;
  tremula_subscription* thrower = c.listen(throw_it, &what);
  tremula_subscription* counter = c.listen(count, &heard);
  CHECK(c.run("INSERT INTO Song {Id: 1}") == TREMULA_EXCEPTION);
  CHECK(std::string(tremula_error_message()) == "of the listener");
  what = 2;
  CHECK(c.run("INSERT INTO Song {Id: 2}") == TREMULA_EXCEPTION);
  what = 3;  // not taken for an error of the commit
  CHECK(c.run("INSERT INTO Song {Id: 3}") == TREMULA_EXCEPTION);
  what = 0;
  CHECK(c.run("INSERT INTO Song {Id: 4}") == TREMULA_OK);
  CHECK(heard == 4);
  char* json = nullptr;
  REQUIRE(tremula_subscription_json(counter, &json) == TREMULA_OK);
  CHECK(std::string(json) == R"([{"Id":1},{"Id":2},{"Id":3},{"Id":4}])");
  tremula_free(json);
  tremula_unsubscribe(thrower);
  tremula_unsubscribe(counter);
}

TEST_CASE("an exception out of an output function ends its outputs, and the script runs on") {
  Opened c;
  int calls = 0;
  const auto output = [](void* user, const tremula_output*) {
    ++*static_cast<int*>(user);
    throw std::runtime_error("of the output");
  };
  CHECK(tremula_run(c.db, "INSERT INTO Song {Id: 1}; SELECT Id FROM Song; INSERT INTO Song {Id: 2}",
                    nullptr, 0, output, &calls) == TREMULA_EXCEPTION);
  CHECK(std::string(tremula_error_message()) == "of the output");
  CHECK(calls == 1);
  CHECK(c.run("INSERT INTO Song {Id: 2}") == TREMULA_DUPLICATE_KEY);
}

// What programs were compiled with. A change here is a new soname.
TEST_CASE("public structs keep their layout") {
  static_assert(sizeof(tremula_text) == 16 && offsetof(tremula_text, size) == 8);
  static_assert(sizeof(tremula_value) == 40 && offsetof(tremula_value, integer) == 8);
  static_assert(offsetof(tremula_value, real) == 16 && offsetof(tremula_value, text) == 24);
  static_assert(sizeof(tremula_named) == 48 && offsetof(tremula_named, value) == 8);
  static_assert(sizeof(tremula_open_options) == 40);
  static_assert(offsetof(tremula_open_options, sync_delay_ms) == 16);
  static_assert(offsetof(tremula_open_options, memory_bytes) == 32);
  static_assert(sizeof(tremula_subscribe_options) == 24);
  static_assert(offsetof(tremula_subscribe_options, destroy) == 16);
  static_assert(sizeof(tremula_change) == 104 && offsetof(tremula_change, index) == 16);
  static_assert(offsetof(tremula_change, path) == 24 && offsetof(tremula_change, key) == 88);
  static_assert(sizeof(tremula_output) == 56 && offsetof(tremula_output, statement) == 16);
  static_assert(offsetof(tremula_output, text) == 24);
  // C++: handles are one pointer; what is handed over by value or by reference.
  static_assert(sizeof(Database) == 8 && sizeof(Session) == 8 && sizeof(Statement) == 8);
  static_assert(sizeof(Subscription) == 8 && sizeof(Transaction) == 8 && sizeof(Ticket) == 8);
  static_assert(sizeof(Options) == 120 && sizeof(ValueView) == 24 && sizeof(NamedValue) == 40);
  static_assert(sizeof(NamedValues) == 16 && sizeof(Delta) == 24);
#ifdef __GLIBCXX__
  static_assert(sizeof(Value) == 56 && sizeof(Error) == 80 && sizeof(Change) == 176);
  static_assert(sizeof(Rows) == 80 && sizeof(Written) == 40 && sizeof(Output) == 72);
#endif
  CHECK(std::is_standard_layout_v<tremula_open_options>);
}

TEST_CASE("the numbers of C and of C++ are the same") {
  CHECK(static_cast<int>(ErrorCode::kSyntax) == TREMULA_SYNTAX);
  for (int code = 0; code <= TREMULA_UNSUPPORTED; ++code) {
    CHECK(error_code_name(static_cast<ErrorCode>(code)) == tremula_status_name(code));
  }
}

}  // namespace tremula::test
