# A CMake package as an installed one is found, made of what stands in this build: package/lib/cmake/tremula.
set(package "${PROJECT_BINARY_DIR}/package/lib/cmake/tremula")
file(GENERATE OUTPUT "${package}/tremula-config.cmake" CONTENT
"find_package(Threads REQUIRED)
add_library(tremula::tremula INTERFACE IMPORTED)
set_target_properties(tremula::tremula PROPERTIES
  INTERFACE_COMPILE_FEATURES cxx_std_20
  INTERFACE_INCLUDE_DIRECTORIES \"${PROJECT_SOURCE_DIR}/include\")
target_link_libraries(tremula::tremula INTERFACE $<TARGET_FILE:tremula_static> stdc++ m lz4 Threads::Threads)
")
file(GENERATE OUTPUT "${package}/tremula-config-version.cmake" CONTENT
"set(PACKAGE_VERSION ${PROJECT_VERSION})
set(PACKAGE_VERSION_COMPATIBLE TRUE)
")
