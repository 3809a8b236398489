// Runs the black-box cases of this folder against the command that was built.
#ifdef TREMULA_COMMAND
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

TEST_CASE("cases: the command answers every case of this folder as the contract says") {
  const std::string runner = TREMULA_SOURCE_ROOT "/tests/cases/run.py";
  CHECK(std::system(("python3 '" + runner + "' '" TREMULA_COMMAND "'").c_str()) == 0);
  CHECK(std::system(("python3 '" + runner + "' '" TREMULA_COMMAND "' --db").c_str()) == 0);
}
#endif
