# SPDX-License-Identifier: Apache-2.0
# One library a folder, one test program a folder of tests.

# mesh_library(NAME DEPS...): every .cc below the current folder, header-only when there is none.
function(mesh_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  list(FILTER sources EXCLUDE REGEX "/main_[a-z]+\\.cc$")
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC mesh_flags ${ARGN})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
endfunction()

# mesh_test(NAME SUBDIR LABEL DEPS...): GoogleTest program from every *_test.cc of SUBDIR. Random tests have a fixed
# seed under ctest, so that a failure is there again on the next run; by hand they draw one and print it.
function(mesh_test name subdir label)
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${subdir}/*_test.cc")
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE mesh_flags ${ARGN} GTest::gtest GTest::gmock GTest::gtest_main ${RAPIDCHECK})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 600
    ENVIRONMENT "RC_PARAMS=seed=20260101")
endfunction()

# mesh_fuzzer(NAME SOURCE DEPS...): a libFuzzer target; only with MESH_FUZZ.
function(mesh_fuzzer name source)
  if(NOT MESH_FUZZ)
    return()
  endif()
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE mesh_flags ${ARGN})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  if(NOT TARGET fuzzers)
    add_custom_target(fuzzers)
  endif()
  add_dependencies(fuzzers ${name})
endfunction()
