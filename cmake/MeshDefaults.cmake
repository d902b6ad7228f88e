# SPDX-License-Identifier: Apache-2.0
# Flags for every target of ours: warnings are errors, hardening on, ccache when present.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

# Functions and lines are what a backtrace shows; types and variables would double what is written and linked.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
find_program(LLD ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # A base directory makes paths relative, so that two checkouts share results.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# A file with gRPC in it takes 20 s, nearly all of them for headers and for what templates of theirs make.
set(CMAKE_UNITY_BUILD ${MESH_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)

add_library(mesh_flags INTERFACE)
target_include_directories(mesh_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/gen)
target_compile_definitions(mesh_flags INTERFACE KERNMESH_VERSION="${PROJECT_VERSION}")
target_compile_options(mesh_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wno-missing-field-initializers
  -fstack-protector-strong -fno-omit-frame-pointer)
# GCC means headers by it, but says it of every file that another includes.
if(MESH_UNITY)
  target_compile_options(mesh_flags INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage>)
endif()
# libbpf's LIBBPF_OPTS is a statement expression with a compound literal; GCC is silent about system headers' macros.
target_compile_options(mesh_flags INTERFACE
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-gnu-statement-expression>
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-c99-extensions>)
if(MESH_SANITIZE)
  target_compile_options(mesh_flags INTERFACE -fsanitize=${MESH_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(mesh_flags INTERFACE -fsanitize=${MESH_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(mesh_flags INTERFACE -D_FORTIFY_SOURCE=2)
endif()
if(MESH_FUZZ)
  target_compile_options(mesh_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(mesh_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
