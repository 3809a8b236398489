# The library that users link: the rooms' objects, as they are, in one archive and in one shared library.
#
#   tremula::static, tremula::shared    the one and the other
#   tremula::tremula                    the shared one if BUILD_SHARED_LIBS says so, else the static one
find_package(Threads REQUIRED)

set(TREMULA_ROOMS base triples lsm dataflow crdt treeql persist db)
set(room_objects)
foreach(room IN LISTS TREMULA_ROOMS)
  get_target_property(type tremula_${room} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    list(APPEND room_objects $<TARGET_OBJECTS:tremula_${room}>)
  endif()
endforeach()

function(tremula_user_library name kind)
  add_library(${name} ${kind} ${room_objects})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX OUTPUT_NAME tremula
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} EXCLUDE_FROM_ALL ${not_top_level})
  target_compile_features(${name} INTERFACE cxx_std_20)
  target_include_directories(${name} INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>")
  target_link_libraries(${name} PRIVATE lz4 Threads::Threads)
endfunction()

tremula_user_library(tremula_static STATIC)
set_target_properties(tremula_static PROPERTIES EXPORT_NAME static)
add_library(tremula::static ALIAS tremula_static)
if(TREMULA_SHARED)
  tremula_user_library(tremula_shared SHARED)
  set(map "${CMAKE_CURRENT_LIST_DIR}/tremula.map")
  set_target_properties(tremula_shared PROPERTIES EXPORT_NAME shared LINK_DEPENDS "${map}")
  # -Bsymbolic-functions: calls inside the library stay inside.
  target_link_options(tremula_shared PRIVATE "LINKER:--version-script=${map}" LINKER:-Bsymbolic-functions LINKER:--no-undefined)
  add_library(tremula::shared ALIAS tremula_shared)
endif()
if(BUILD_SHARED_LIBS)
  add_library(tremula::tremula ALIAS tremula_shared)
else()
  add_library(tremula::tremula ALIAS tremula_static)
endif()
