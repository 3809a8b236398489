# Tremula as two files, tremula.h and tremula.cpp, in the build directory's amalgamation/. The suites that test the face run once more
# against it (tests/CMakeLists.txt).
find_program(PYTHON3 python3)
if(NOT PYTHON3)
  message(STATUS "The amalgamation is left out: it needs python3")
  return()
endif()
set(folder "${PROJECT_BINARY_DIR}/amalgamation")
file(MAKE_DIRECTORY "${folder}")
set(patterns)
foreach(root IN ITEMS core/* lang/* persist db include/tremula)
  list(APPEND patterns "${PROJECT_SOURCE_DIR}/${root}/*.cpp" "${PROJECT_SOURCE_DIR}/${root}/*.h")
endforeach()
file(GLOB all_sources CONFIGURE_DEPENDS ${patterns})
add_custom_command(OUTPUT "${folder}/tremula.cpp" "${folder}/tremula.h"
                   COMMAND "${PYTHON3}" "${PROJECT_SOURCE_DIR}/tools/amalgamate.py" "${folder}"
                   DEPENDS "${PROJECT_SOURCE_DIR}/tools/amalgamate.py" ${all_sources} VERBATIM)
add_custom_target(amalgamation ALL DEPENDS "${folder}/tremula.cpp" "${folder}/tremula.h")
