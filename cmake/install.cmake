# What `cmake --install` puts where, in three components that are three packages for Debian, too:
#   runtime   the shared library
#   dev       headers, the static library, what find_package and pkg-config read
#   tools     the tremula command and its manual page
#
# Debian's tools look in lib/<architecture> under /usr and under /usr/local.
if(NOT DEFINED CMAKE_INSTALL_LIBDIR AND CMAKE_LIBRARY_ARCHITECTURE AND EXISTS /etc/debian_version)
  set(CMAKE_INSTALL_LIBDIR "lib/${CMAKE_LIBRARY_ARCHITECTURE}" CACHE PATH "Where libraries go, under the prefix")
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/tremula")
install(TARGETS tremula_static EXPORT tremulaTargets INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT dev)
if(TREMULA_SHARED)
  install(TARGETS tremula_shared EXPORT tremulaTargets INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
          LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime NAMELINK_COMPONENT dev)
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tremula" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT dev
        FILES_MATCHING PATTERN "*.h")

# Programs to start from; each is one file that needs the library alone.
file(GLOB examples CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.cpp" "${PROJECT_SOURCE_DIR}/examples/sample.log")
install(FILES ${examples} DESTINATION share/doc/libtremula-dev/examples COMPONENT dev)

# find_package(tremula 0.1 CONFIG). Before 1.0 a minor version may change anything.
install(EXPORT tremulaTargets NAMESPACE tremula:: DESTINATION "${package_dir}" COMPONENT dev)
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/tremulaConfig.cmake.in" "${PROJECT_BINARY_DIR}/cmake/tremulaConfig.cmake"
                              INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/cmake/tremulaConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/cmake/tremulaConfig.cmake" "${PROJECT_BINARY_DIR}/cmake/tremulaConfigVersion.cmake"
        DESTINATION "${package_dir}" COMPONENT dev)

# pkg-config. The prefix is where the file lies, so that the tree may be moved.
file(RELATIVE_PATH up_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" up_to_prefix "${up_to_prefix}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/tremula.pc.in" "${PROJECT_BINARY_DIR}/cmake/tremula.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/cmake/tremula.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT dev)

foreach(component IN ITEMS runtime:libtremula${PROJECT_VERSION_MAJOR} dev:libtremula-dev tools:tremula)
  string(REPLACE ":" ";" pair "${component}")
  list(GET pair 0 part)
  list(GET pair 1 package)
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "share/doc/${package}" RENAME copyright COMPONENT ${part})
endforeach()

if(TREMULA_CLI)
  install(PROGRAMS "${PROJECT_BINARY_DIR}/tremula" DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT tools)
  install(FILES "${PROJECT_SOURCE_DIR}/docs/tremula.1" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT tools)
endif()

if(PROJECT_IS_TOP_LEVEL)
  include("${CMAKE_CURRENT_LIST_DIR}/debian.cmake")
endif()
