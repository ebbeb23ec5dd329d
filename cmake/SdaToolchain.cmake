# Compiler settings shared by every target: standard, warnings, sanitizers, linker, compiler cache.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(SDA_WERROR "Treat compiler warnings as errors" OFF)
set(SDA_SANITIZER "" CACHE STRING "Value for -fsanitize=, empty for none")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")

add_compile_options(-Wall -Wextra -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports overlapping copies in plain string concatenation (GCC bug 105329).
  add_compile_options(-Wno-restrict)
endif()
if(SDA_WERROR)
  add_compile_options(-Werror)
endif()

if(SDA_SANITIZER)
  add_compile_options(-fsanitize=${SDA_SANITIZER})
  add_link_options(-fsanitize=${SDA_SANITIZER})
  if(SDA_SANITIZER MATCHES "undefined")
    # vptr needs type information that libraries from Debian do not export.
    add_compile_options(-fno-sanitize-recover=undefined -fno-sanitize=vptr)
  endif()
  if(SDA_SANITIZER STREQUAL "thread")
    # The instrumented libabsl_synchronization has to win over Debian's for gRPC too: an RPATH, unlike a RUNPATH,
    # also counts for the libraries' own dependencies.
    if(DEFINED ENV{SDA_DEPS_DIR})
      set(_abseil_tsan $ENV{SDA_DEPS_DIR}/abseil-tsan/lib)
    else()
      set(_abseil_tsan $ENV{HOME}/.cache/sda/deps/abseil-tsan/lib)
    endif()
    if(NOT EXISTS ${_abseil_tsan})
      message(FATAL_ERROR "No instrumented Abseil in ${_abseil_tsan}: run deploy/install-deps.sh --tsan")
    endif()
    add_link_options(-Wl,--disable-new-dtags)
    list(PREPEND CMAKE_BUILD_RPATH ${_abseil_tsan})
  endif()
endif()

# Two builds share one compiler cache across checkouts: paths below the source are hashed relative to it.
find_program(SDA_CCACHE ccache)
if(SDA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(_launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${SDA_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${_launcher})
endif()

find_program(SDA_MOLD mold)
if(SDA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
