#include "bench/support/engine.h"

namespace tremula::bench {

std::unique_ptr<Engine> make_engine(std::string_view name) {
  if (name == "tremula") return make_tremula_engine();
  if (name == "floor") return make_floor_engine();
  if (name == "sqlite3") return make_sqlite_engine();
  return nullptr;
}

}  // namespace tremula::bench
